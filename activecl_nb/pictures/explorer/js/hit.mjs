// Which patch is under a pixel: the one that was drawn there last.

/** Marks in the order drawn. A mark ``covers`` (dx, dy) or not, asked within its ``reach`` only. */
export class Stack {
  constructor(most) {
    this.rows = new Int32Array(most);
    this.kinds = new Uint8Array(most);
    this.count = 0;
    this.marks = [];
  }

  clear() {
    this.count = 0;
    this.marks.length = 0;
  }

  /** Make a kind of mark known; ``push`` then names it by the number returned. */
  kind(mark) {
    return this.marks.push(mark) - 1;
  }

  push(row, kind) {
    this.rows[this.count] = row;
    this.kinds[this.count++] = kind;
  }

  /** The row drawn last at a pixel, -1 where nothing was. at: {places, ox, oy, scale} in pixels. */
  topmost(px, py, { places, ox, oy, scale }) {
    for (let k = this.count - 1; k >= 0; k--) {
      const row = this.rows[k];
      const mark = this.marks[this.kinds[k]];
      const dx = px - Math.floor(ox + places[2 * row] * scale);
      if (dx > mark.reach || dx < -mark.reach) continue;
      const dy = py - Math.floor(oy - places[2 * row + 1] * scale);
      if (dy > mark.reach || dy < -mark.reach) continue;
      if (mark.covers(dx, dy)) return row;
    }
    return -1;
  }

  /** The row whose middle is nearest to a pixel, of those within ``reach``; -1 if none is. */
  nearest(px, py, reach, { places, ox, oy, scale }) {
    let [best, found] = [reach * reach, -1];
    for (let k = this.count - 1; k >= 0; k--) {
      const row = this.rows[k];
      const [dx, dy] = [px - (ox + places[2 * row] * scale), py - (oy - places[2 * row + 1] * scale)];
      const square = dx * dx + dy * dy;
      if (square < best) [best, found] = [square, row];
    }
    return found;
  }
}

/** A mark made of several glyphs, one on the other. */
export function together(...glyphs) {
  return {
    reach: Math.max(...glyphs.map((glyph) => glyph.reach)),
    covers: (dx, dy) => glyphs.some(({ reach, covers }) =>
      Math.abs(dx) <= reach && Math.abs(dy) <= reach && covers(dx, dy)),
  };
}

/** A square of so many pixels, as a thumbnail is. */
export const squareMark = (size) => ({ reach: Math.ceil(size / 2), covers: () => true });
