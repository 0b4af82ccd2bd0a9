// All thumbnails, on one sheet that Python sent as a JPEG.

const KEPT = 4000; // thumbnails whose pixels are at hand: several times as many as a map shows

export class Thumbnails {
  constructor({ sprite, cell, side, columns }) {
    Object.assign(this, { sprite, cell, side, columns, ready: false, kept: new Map() });
  }

  async load() {
    this.sheet = await createImageBitmap(new Blob([this.sprite], { type: "image/jpeg" }));
    this.ready = true;
  }

  draw(pen, row, x, y, size, quality = "low") {
    if (!this.ready) return;
    const { cell, side, columns } = this;
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = quality;
    pen.drawImage(this.sheet, (row % columns) * cell, Math.floor(row / columns) * cell, side, side, x, y, size, size);
  }

  /** The side x side pixels of one, 0xaabbggrr each; a map that is moved asks for the same ones again. */
  pixels(row) {
    const { kept, side } = this;
    if (!kept.has(row)) {
      if (kept.size >= KEPT) kept.clear();
      this.studio ??= new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
      this.draw(this.studio, row, 0, 0, side);
      kept.set(row, new Int32Array(this.studio.getImageData(0, 0, side, side).data.buffer));
    }
    return kept.get(row);
  }
}
