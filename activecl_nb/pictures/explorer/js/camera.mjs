// Zoom and pan, the same in all panels.

import { clamp } from "./numbers.mjs";

export class Camera {
  constructor(patches) {
    this.patches = patches;
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.centre = this.patches.middle;
  }

  /** Map units to pixels, for a panel of this size. */
  scale(width, height) {
    const [across, down] = this.patches.extent;
    return 0.92 * Math.min(width / across, height / down) * this.zoom;
  }

  /** Height for width of a panel that the whole map fills best, within bounds. */
  get slant() {
    const [across, down] = this.patches.extent;
    return clamp(down / across, 0.62, 1.3);
  }

  zoomBy(factor, about = this.centre) {
    const zoom = clamp(this.zoom * factor, 0.5, 200);
    const moved = this.zoom / zoom;
    this.centre = this.centre.map((c, i) => about[i] + (c - about[i]) * moved);
    this.zoom = zoom;
  }

  panBy(dx, dy) {
    this.centre = [this.centre[0] + dx, this.centre[1] + dy];
  }
}
