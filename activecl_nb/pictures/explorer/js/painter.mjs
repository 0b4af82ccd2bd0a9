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
      this.pixels = new Int32Array(this.sheet.data.buffer);
    }
    this.pixels.fill((255 << 24) | (b << 16) | (g << 8) | r);
  }

  /** Put a glyph, filled with the colour 0xbbggrr, around the pixel in which (x, y) lies. */
  stamp(glyph, x, y, colour) {
    const { width, height } = this.sheet;
    const { reach } = glyph;
    x = Math.floor(x);
    y = Math.floor(y);
    if (x < -reach || y < -reach || x >= width + reach || y >= height + reach) return;
    if (x < reach || y < reach || x >= width - reach || y >= height - reach) glyph = clipped(glyph, x, y, width, height);
    if (glyph.width !== width) {
      glyph.width = width;
      glyph.steps = Int32Array.from(glyph.dx, (across, i) => glyph.dy[i] * width + across);
    }
    put(this.pixels, y * width + x, glyph, colour);
  }

  /** A picture of side x side pixels as a square of ``size`` with its corner at (left, top), smoothed,
   * within a frame of so many pixels in the colour 0xbbggrr. */
  place(picture, side, left, top, size, frame, colour) {
    const { width, height } = this.sheet;
    const { pixels } = this;
    const [x0, x1] = [Math.max(0, left), Math.min(width, left + size)];
    const inner = samples(side, size - 2 * frame);
    for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
      pixels.fill(0xff000000 | colour, y * width + x0, y * width + x1);
      const line = y - top - frame;
      if (line < 0 || line >= inner.count) continue;
      const [upper, lower, v] = [inner.first[line] * side, inner.second[line] * side, inner.share[line]];
      const end = Math.min(x1, left + size - frame);
      for (let x = Math.max(0, left + frame); x < end; x++) {
        const i = x - left - frame;
        const [a, b, u] = [inner.first[i], inner.second[i], inner.share[i]];
        pixels[y * width + x] = mixed(mixed(picture[upper + a], picture[upper + b], u),
          mixed(picture[lower + a], picture[lower + b], u), v);
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

/** Two colours mixed, u of 256 parts of the second: red and blue at once, then green. */
export const mixed = (a, b, u) => 0xff000000 |
  (((Math.imul(a & 0xff00ff, 256 - u) + Math.imul(b & 0xff00ff, u)) >>> 8) & 0xff00ff) |
  (((Math.imul(a & 0xff00, 256 - u) + Math.imul(b & 0xff00, u)) >>> 8) & 0xff00);

let sampled = {};

/** For each of ``count`` pixels of a line the two of ``side`` that it lies between, and how near the second. */
export function samples(side, count) {
  if (sampled.side === side && sampled.count === count) return sampled; // all thumbnails of a map are of one size
  const at = Float64Array.from({ length: count }, (_, i) => Math.min(side - 1, Math.max(0, ((i + 0.5) * side) / count - 0.5)));
  sampled = { side, count, first: Int32Array.from(at, Math.floor), second: Int32Array.from(at, Math.ceil),
    share: Int32Array.from(at, (x) => Math.round(256 * (x - Math.floor(x)))) };
  return sampled;
}

/** Glyphs hold first the pixels that are all fill, then those that are all outline, then the mixed ones. */
export function put(pixels, middle, { solid, plain, count, steps, fill, rest, outline }, colour) {
  const whole = 0xff000000 | colour;
  for (let i = 0; i < solid; i++) pixels[middle + steps[i]] = whole;
  for (let i = solid; i < plain; i++) pixels[middle + steps[i]] = outline[i];
  const [redBlue, green] = [colour & 0xff00ff, colour & 0xff00];
  for (let i = plain; i < count; i++) { // red and blue are reckoned at once
    const at = middle + steps[i];
    const [f, u, under] = [fill[i], rest[i], pixels[at]];
    pixels[at] = outline[i] + (((Math.imul(redBlue, f) + Math.imul(under & 0xff00ff, u)) >>> 8) & 0xff00ff) +
      (((Math.imul(green, f) + Math.imul(under & 0xff00, u)) >>> 8) & 0xff00);
  }
}

/** A glyph without what would lie outside of a sheet. */
function clipped(glyph, x, y, width, height) {
  const seen = [];
  for (let i = 0; i < glyph.count; i++) {
    const [px, py] = [x + glyph.dx[i], y + glyph.dy[i]];
    if (px >= 0 && py >= 0 && px < width && py < height) seen.push(i);
  }
  const before = (end) => seen.filter((i) => i < end).length;
  const part = Object.fromEntries(PIXELS.map((name) => [name, seen.map((i) => glyph[name][i])]));
  return { ...part, count: seen.length, solid: before(glyph.solid), plain: before(glyph.plain) };
}

const PIXELS = ["dx", "dy", "fill", "rest", "outline"];
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
  const seen = [];
  const mask = new Uint8Array(size * size);
  for (let i = 0; i < size * size; i++) {
    const cover = black[4 * i + 3] / 255;
    if (cover < 0.03) continue;
    mask[i] = cover > 0.4 ? 1 : 0;
    // What changes with the fill is fill; what stays is outline.
    const fill = Math.round((white[4 * i + 1] - black[4 * i + 1]) * cover * alpha);
    const rest = Math.round(256 * (1 - cover * alpha));
    const edge = [0, 1, 2].map((c) => Math.floor(black[4 * i + c] * cover * alpha * 0.996) << (8 * c));
    seen.push({ dx: (i % size) - reach, dy: Math.floor(i / size) - reach, fill, rest,
      outline: 0xff000000 | edge[0] | edge[1] | edge[2], order: fill > 252 ? 0 : rest + fill < 3 ? 1 : 2 });
  }
  seen.sort((a, b) => a.order - b.order);
  const each = (name) => Int32Array.from(seen, (one) => one[name]);
  const made = { reach, count: seen.length, dx: each("dx"), dy: each("dy"), fill: each("fill"), rest: each("rest"),
    outline: each("outline"), solid: seen.filter(({ order }) => order < 1).length,
    plain: seen.filter(({ order }) => order < 2).length,
    covers: (x, y) => mask[(y + reach) * size + x + reach] === 1 };
  if (glyphs.size > 2000) glyphs.clear();
  glyphs.set(key, made);
  return made;
}
