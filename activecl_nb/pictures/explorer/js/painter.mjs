// Puts small glyphs on a canvas, pixel by pixel.
//
// A canvas draws some hundred thousand shapes a second; four panels of ten thousand patches need
// that many at once. So each glyph is drawn once, and its pixels are then copied by hand.

import { darkness } from "./density.mjs";
import { trace } from "./shapes.mjs";

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  /** Start with an empty sheet of the colour [r, g, b]. */
  clear([r, g, b]) {
    const { width, height } = this.canvas;
    if (this.sheet?.width !== width || this.sheet?.height !== height) {
      this.sheet = new ImageData(width, height);
      this.pixels = new Uint32Array(this.sheet.data.buffer);
    }
    this.pixels.fill((255 << 24) | (b << 16) | (g << 8) | r);
  }

  /** Put a glyph, filled with the colour 0xbbggrr, around the pixel in which (x, y) lies. */
  stamp(glyph, x, y, colour) {
    const { width, height } = this.sheet;
    const { reach, count, dx, dy, fill, rest, edge, outline } = glyph;
    x = Math.floor(x);
    y = Math.floor(y);
    if (x < -reach || y < -reach || x >= width + reach || y >= height + reach) return;
    const inside = x >= reach && y >= reach && x < width - reach && y < height - reach;
    if (glyph.width !== width) {
      glyph.width = width;
      glyph.steps = Int32Array.from(dx, (across, i) => dy[i] * width + across);
    }
    const steps = glyph.steps;
    const pixels = this.pixels;
    const solid = 0xff000000 | colour;
    const [r, g, b] = [colour & 255, (colour >> 8) & 255, colour >> 16];
    const middle = y * width + x;
    for (let i = 0; i < count; i++) {
      if (!inside) {
        const [px, py] = [x + dx[i], y + dy[i]];
        if (px < 0 || py < 0 || px >= width || py >= height) continue;
      }
      const at = middle + steps[i];
      const f = fill[i];
      const u = rest[i];
      if (f > 252) pixels[at] = solid;
      else if (u + f < 3) pixels[at] = outline[i];
      else {
        const under = pixels[at];
        const red = edge[3 * i] + ((r * f + (under & 255) * u) >> 8);
        const green = edge[3 * i + 1] + ((g * f + ((under >> 8) & 255) * u) >> 8);
        const blue = edge[3 * i + 2] + ((b * f + ((under >> 16) & 255) * u) >> 8);
        pixels[at] = 0xff000000 | (blue << 16) | (green << 8) | red;
      }
    }
  }

  /** Darken the cells in which dots of so many pixels cover each other, towards ``ink``. */
  shade({ across, counts, cell }, area, [r, g, b]) {
    const { width, height } = this.sheet;
    const pixels = this.pixels;
    for (let k = 0; k < counts.length; k++) {
      const f = Math.round(256 * darkness(counts[k], area, cell));
      if (!f) continue;
      const [x0, y0] = [(k % across) * cell, Math.floor(k / across) * cell];
      const [x1, y1] = [Math.min(x0 + cell, width), Math.min(y0 + cell, height)];
      const [fr, fg, fb, u] = [r * f, g * f, b * f, 256 - f];
      for (let y = y0; y < y1; y++) {
        for (let at = y * width + x0, end = y * width + x1; at < end; at++) {
          const under = pixels[at];
          pixels[at] = 0xff000000 | (((fb + ((under >> 16) & 255) * u) >> 8) << 16) |
            (((fg + ((under >> 8) & 255) * u) >> 8) << 8) | ((fr + (under & 255) * u) >> 8);
        }
      }
    }
  }

  show() {
    this.pen.putImageData(this.sheet, 0, 0);
  }
}

const glyphs = new Map();
let studio = null;

/** The pixels of a shape with its outlines; without ``colour`` only the outlines are drawn. */
function drawn(size, shape, r, outlines, colour) {
  studio ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  studio.canvas.width = studio.canvas.height = size; // also wipes it
  studio.lineJoin = "round";
  trace(studio, shape, size / 2, size / 2, r);
  for (const [line, width] of outlines) {
    [studio.strokeStyle, studio.lineWidth] = [line, width];
    studio.stroke();
  }
  if (colour) {
    studio.fillStyle = colour;
    studio.fill();
  }
  return studio.getImageData(0, 0, size, size).data;
}

/**
 * A glyph of any fill colour: for each of its pixels, how much of it is fill, how much shows what
 * is under it, and what its outlines add. outlines: [colour, width] pairs, the outermost first.
 * hollow: nothing inside the outlines.
 */
export function glyphOf(shape, r, { alpha = 1, outlines = [], hollow = false } = {}) {
  const key = `${shape}|${r}|${alpha}|${outlines}|${hollow}`;
  if (glyphs.has(key)) return glyphs.get(key);
  const reach = Math.ceil(r * 1.4 + Math.max(0, ...outlines.map(([, width]) => width / 2)) + 1);
  const size = 2 * reach + 1;
  const [black, white] = ["#000", "#fff"].map((c) => drawn(size, shape, r, outlines, hollow ? null : c));
  const [dx, dy, fill, rest, edge] = [[], [], [], [], []];
  const mask = new Uint8Array(size * size);
  for (let i = 0; i < size * size; i++) {
    const cover = black[4 * i + 3] / 255;
    if (cover < 0.03) continue;
    mask[i] = cover > 0.4 ? 1 : 0;
    dx.push((i % size) - reach);
    dy.push(Math.floor(i / size) - reach);
    // What changes with the fill is fill; what stays is outline.
    fill.push(Math.round((white[4 * i + 1] - black[4 * i + 1]) * cover * alpha));
    rest.push(Math.round(256 * (1 - cover * alpha)));
    for (let c = 0; c < 3; c++) edge.push(Math.floor(black[4 * i + c] * cover * alpha * 0.996));
  }
  const made = { reach, count: dx.length, dx: Int16Array.from(dx), dy: Int16Array.from(dy),
    fill: Uint8Array.from(fill), rest: Uint16Array.from(rest), edge: Uint8Array.from(edge),
    outline: Uint32Array.from(dx, (_, i) =>
      0xff000000 | (edge[3 * i + 2] << 16) | (edge[3 * i + 1] << 8) | edge[3 * i]),
    covers: (x, y) => mask[(y + reach) * size + x + reach] === 1 };
  if (glyphs.size > 2000) glyphs.clear();
  glyphs.set(key, made);
  return made;
}
