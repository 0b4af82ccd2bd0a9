// One patch and what is known about it: by the cursor while it is pointed at, below while pinned.

import { make, table } from "./dom.mjs";
import { clamp, digits } from "./numbers.mjs";

const SIDE = 128;

export class Card {
  constructor(app, className) {
    this.app = app;
    this.canvas = make("canvas", { className, width: 10, height: 10, role: "img", "aria-label": "no patch" });
    this.title = make("strong");
    this.table = make("table", { className: "ax-table" });
    this.truth = make("div", { className: "ax-truth" });
    this.node = make("div", { className: "ax-card-box" }, this.canvas,
      make("div", {}, this.title, this.table, this.truth));
  }

  /** whole: the full image of the patch, where Python has sent it. */
  show(row, whole = null) {
    const { app, canvas } = this;
    const { patches, runs } = app;
    canvas.dataset.row = row;
    if (row < 0) {
      this.title.textContent = this.truth.textContent = "";
      return;
    }
    const dpr = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(SIDE * dpr)) canvas.width = canvas.height = Math.round(SIDE * dpr);
    const pen = canvas.getContext("2d");
    pen.setTransform(dpr, 0, 0, dpr, 0, 0);
    pen.clearRect(0, 0, SIDE, SIDE);
    if (whole) pen.drawImage(whole, 0, 0, SIDE, SIDE);
    else app.thumbnails.draw(pen, row, 0, 0, SIDE, "high");
    canvas.setAttribute("aria-label", app.spoken(row));
    this.title.textContent = `${patches.className(row)}  patch ${patches.id[row]}` +
      (row === app.pinnedRow ? " (pinned)" : "");
    const lines = runs.names.map((name, s) => [name,
      ...["probability", "entropy", "distance"].map((score) => digits(runs.score(score, s, app.slot, row))),
      app.takenText(s, row, true)]);
    table(this.table, ["", ...(runs.told.entropy ? ["predicted", "doubt"] : ["p", "entropy"]), "distance", "round (pick)"], lines);
    this.truth.textContent = patches.facts
      .map((fact) => `${fact.title.replace(" (ground truth)", "")}: ${patches.told(fact, row)}`).join(", ");
  }
}

/** The card that follows the cursor. */
export class FloatingCard extends Card {
  constructor(app) {
    super(app, "ax-card");
    this.node.classList.add("ax-float");
    this.node.hidden = true;
    this.canvas.dataset.row = -1;
    this.row = -1;
  }

  /** at: {clientX, clientY} of the pointer, or of the mark that the keyboard is on. */
  follow(row, at) {
    const { node, app } = this;
    if (row !== this.row || this.slot !== app.slot || this.version !== app.version) {
      [this.row, this.slot, this.version] = [row, app.slot, app.version];
      this.show(row);
      node.hidden = row < 0;
      this.size = [node.offsetWidth, node.offsetHeight]; // what is known of patches differs in length
    }
    if (row < 0 || !at) return;
    const box = app.root.getBoundingClientRect();
    const [w, h] = this.size;
    let left = at.clientX - box.left + 18;
    if (left + w > box.width) left = at.clientX - box.left - 18 - w;
    let top = at.clientY - box.top + 14;
    if (at.clientY + 14 + h > window.innerHeight && at.clientY - h > 0) top = at.clientY - box.top - 14 - h;
    node.style.transform = `translate(${Math.round(clamp(left, 0, Math.max(0, box.width - w)))}px,${Math.round(top)}px)`;
  }
}
