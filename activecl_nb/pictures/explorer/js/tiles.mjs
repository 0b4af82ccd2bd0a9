// Patches side by side on one canvas; arrow keys move along them, Enter or a click pins.

import { make } from "./dom.mjs";
import { clamp } from "./numbers.mjs";

const NAMED = 13; // pixels below a tile that say its class

export class Tiles {
  constructor(app, label, size, { chosen = (row) => app.pin(row), named = false } = {}) {
    Object.assign(this, { app, label, size, chosen, tall: size + (named ? NAMED : 0), named, rows: [], at: 0 });
    this.canvas = make("canvas", {
      className: "ax-tiles", tabIndex: 0, role: "application", "aria-label": label,
      on: {
        click: (event) => this.choose(this.find(event)),
        pointermove: (event) => app.hover(this.find(event), event),
        pointerleave: () => app.hover(-1),
        keydown: (event) => this.key(event),
        focus: () => this.move(0),
        blur: () => this.draw(),
      },
    });
    this.canvas.hidden = true;
  }

  find(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.size);
    const line = Math.floor((event.clientY - box.top) / this.tall);
    return column < this.columns ? (this.rows[line * this.columns + column] ?? -1) : -1;
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === "Enter") this.choose(this.rows[this.at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(step) {
    this.at = clamp(this.at + step, 0, Math.max(0, this.rows.length - 1));
    const row = this.rows[this.at];
    if (row === undefined) return;
    this.canvas.setAttribute("aria-label", `${this.label}: ${this.app.spoken(row)}`);
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [(this.at % this.columns) * this.size, Math.floor(this.at / this.columns) * this.tall];
    this.app.hover(row, { clientX: box.left + x + this.size / 2, clientY: box.top + y + this.size });
    this.draw();
  }

  choose(row) {
    if (row !== undefined && row >= 0) this.chosen(row);
  }

  /** Which patches; they are drawn when ``fit`` tells the room for them. */
  show(rows) {
    if (this.rows.join() === rows.join()) return;
    [this.rows, this.at, this.drawnFor] = [rows, 0, null];
    this.canvas.hidden = !rows.length;
    this.canvas.dataset.rows = rows.length;
    this.canvas.setAttribute("aria-label", `${this.label}: ${rows.length} patches`);
  }

  /** width: of the box around them. */
  fit(width) {
    if (this.width === width && this.drawnFor === this.app.theme) return;
    this.width = width;
    this.draw();
  }

  draw() {
    const { rows, size, tall, canvas, app } = this;
    if (!rows.length || !app.thumbnails.ready || !this.width) return;
    this.drawnFor = app.theme;
    const room = this.width - 16; // less its padding
    this.columns = clamp(Math.floor(room / size), 1, rows.length);
    const dpr = window.devicePixelRatio || 1;
    const [width, height] = [this.columns * size, Math.ceil(rows.length / this.columns) * tall];
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    [canvas.width, canvas.height] = [Math.round(width * dpr), Math.round(height * dpr)];
    const pen = canvas.getContext("2d");
    pen.scale(dpr, dpr);
    rows.forEach((row, i) => this.tile(pen, row, (i % this.columns) * size, Math.floor(i / this.columns) * tall));
    if (document.activeElement === canvas) {
      const [x, y] = [(this.at % this.columns) * size, Math.floor(this.at / this.columns) * tall];
      pen.strokeStyle = app.theme.ink;
      pen.lineWidth = 3;
      pen.strokeRect(x + 1.5, y + 1.5, size - 3, size - 3);
    }
  }

  tile(pen, row, x, y) {
    const { app, size, named } = this;
    app.thumbnails.draw(pen, row, x + 2, y + 2, size - 4);
    pen.lineWidth = 2;
    pen.strokeStyle = app.classColour(app.patches.labels[row]);
    pen.strokeRect(x + 2, y + 2, size - 4, size - 4);
    if (!named) return;
    pen.font = "10.5px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillStyle = app.theme.ink;
    pen.fillText(app.patches.className(row), x + size / 2, y + size + 9, size - 2);
  }
}
