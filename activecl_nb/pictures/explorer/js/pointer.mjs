// The mouse, the pen, the finger and the keys on one map.

export class Pointer {
  constructor(panel) {
    this.panel = panel;
    this.app = panel.app;
    const { overlay } = panel;
    const events = { pointerdown: this.down, pointermove: this.moved, pointerup: this.up,
      pointercancel: this.cancel, wheel: this.wheel, keydown: this.key,
      pointerleave: () => this.app.hover(-1), blur: () => this.app.hover(-1), dblclick: () => this.app.resetZoom() };
    for (const [name, f] of Object.entries(events)) overlay.addEventListener(name, f.bind(this));
  }

  /** Where an event is, in the pixels that the panel counts: a page may lay it out in fractions. */
  at(event) {
    const { overlay, width, height } = this.panel;
    const box = overlay.getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  }

  /** What a stroke of the lasso does: the keys held go before the menu. */
  how(event) {
    if (event.altKey) return "take";
    if (event.ctrlKey || event.metaKey) return "add";
    return this.app.lassoHow;
  }

  down(event) {
    if (event.button || this.start) return; // a second finger
    this.finger = event.pointerId;
    this.panel.overlay.setPointerCapture(event.pointerId);
    this.start = this.at(event);
    this.last = this.start;
    this.dragged = false;
    this.lassoing = this.app.lassoMode || event.shiftKey ? this.how(event) : null;
    if (this.lassoing) this.app.drawing = [this.lassoing, [this.panel.toMap(...this.start)]];
  }

  moved(event) {
    const [here, { app, panel }] = [this.at(event), this];
    if (this.start && event.pointerId !== this.finger) return;
    if (!this.start) {
      app.hover(panel.under(here), event);
      return;
    }
    if (Math.hypot(here[0] - this.start[0], here[1] - this.start[1]) > 4) this.dragged = true;
    if (!this.dragged) return;
    if (this.lassoing) {
      app.drawing[1].push(panel.toMap(...here));
      app.overlays();
    } else {
      app.camera.panBy((this.last[0] - here[0]) / panel.scale, (here[1] - this.last[1]) / panel.scale);
      this.last = here;
      app.moved();
    }
  }

  up(event) {
    if (!this.start || event.pointerId !== this.finger) return;
    const { app, panel, dragged, lassoing } = this;
    const corners = app.drawing?.[1];
    this.start = app.drawing = null;
    if (lassoing && dragged) app.stroke(lassoing, corners);
    else if (!dragged) app.click(panel.under(this.at(event)));
  }

  cancel() {
    this.start = this.app.drawing = null;
    this.app.overlays();
  }

  /** The wheel belongs to the page until the map has been chosen by a click or the Tab key. */
  wheel(event) {
    if (!event.ctrlKey && document.activeElement !== this.panel.overlay) return;
    event.preventDefault();
    this.app.zoomBy(Math.exp(-event.deltaY * 0.002), this.panel.toMap(...this.at(event)));
  }

  key(event) {
    const { app, panel } = this;
    const pan = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.shiftKey && event.key in pan) {
      const step = (0.15 * panel.width) / panel.scale;
      app.camera.panBy(...pan[event.key].map((x) => x * step));
      app.moved();
    } else if (event.key === "+" || event.key === "=") app.zoomBy(1.4, this.place());
    else if (event.key === "-") app.zoomBy(1 / 1.4, this.place());
    else if (event.key === "0") app.resetZoom();
    else if (event.key === "." || event.key === ",") this.toPick(event.key === "." ? 1 : -1);
    else if (event.key === "Enter" && app.hovered >= 0) app.click(app.hovered);
    else if (event.key === "l") app.strokeView(panel);
    else return; // the arrows without Shift, Home, End and Escape belong to the whole explorer
    event.preventDefault();
    event.stopPropagation();
  }

  /** Where the patch lies that is pointed at: keys zoom about it. */
  place() {
    const { hovered, patches } = this.app;
    if (hovered < 0) return undefined;
    return Array.from(patches.places.subarray(2 * hovered, 2 * hovered + 2));
  }

  /** To the next or the previous pick of this round, in the order picked. */
  toPick(step) {
    const { panel, app } = this;
    if (!panel.picks.length) return;
    panel.cursor = (panel.cursor + step + panel.picks.length) % panel.picks.length;
    const row = panel.picks[panel.cursor];
    const place = app.patches.places.subarray(2 * row, 2 * row + 2);
    let [x, y] = panel.toScreen(...place);
    if (x < 0 || y < 0 || x > panel.width || y > panel.height) {
      app.camera.centre = Array.from(place);
      app.moved();
      [x, y] = panel.toScreen(...place);
    }
    const box = panel.overlay.getBoundingClientRect();
    app.hover(row, { clientX: box.left + x, clientY: box.top + y });
    app.say(`Pick ${panel.cursor + 1}: ${app.spoken(row)}`);
  }
}
