// All thumbnails, on one sheet that Python sent as a JPEG.

export class Thumbnails {
  constructor({ sprite, cell, side, columns }) {
    Object.assign(this, { sprite, cell, side, columns, ready: false });
  }

  async load() {
    this.sheet = await createImageBitmap(new Blob([this.sprite], { type: "image/jpeg" }));
    this.ready = true;
  }

  /** quality: "high" takes several times as long, which the many on a map cannot afford. */
  draw(pen, row, x, y, size, quality = "low") {
    if (!this.ready) return;
    const { cell, side, columns } = this;
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = quality;
    pen.drawImage(this.sheet, (row % columns) * cell, Math.floor(row / columns) * cell, side, side, x, y, size, size);
  }
}
