// One map: of a strategy in a round, or of the difference between two.

import { choices, make, select, toggleButton } from "./dom.mjs";
import { Composition, Curve } from "./facts.mjs";
import { ROOMY } from "./layout.mjs";
import { Stack } from "./hit.mjs";
import { drawDifference, drawRound } from "./marks.mjs";
import { inWords, countsOf, sum } from "./numbers.mjs";
import { Painter } from "./painter.mjs";
import { Pointer } from "./pointer.mjs";
import { sights } from "./shapes.mjs";

const REACH = 9; // pixels of the screen around a mark that still count as pointing at it

export class Panel {
  constructor(app, place) {
    this.app = app;
    this.place = place;
    this.stack = new Stack(3 * app.patches.n);
    this.canvas = make("canvas", { className: "ax-map" });
    this.overlay = make("canvas", {
      className: "ax-map ax-overlay", tabIndex: 0, role: "application",
      "aria-roledescription": "map of patches", "aria-describedby": app.helpId });
    this.pointer = new Pointer(this);
    this.stage = make("div", { className: "ax-stage" }, this.canvas, this.overlay);
    this.painter = new Painter(this.canvas);
    this.caption = make("span", { className: "ax-caption" });
    this.picks = [];
    this.cursor = -1; // where the keyboard is among this round's picks
    this.node = make("section", { className: "ax-panel", "aria-label": `Panel ${place + 1}` },
      make("div", { className: "ax-head" }, ...this.buildHead()), this.stage, ...this.buildFacts());
  }

  buildHead() {
    const { app, place } = this;
    this.choice = select(`Strategy of panel ${place + 1}`, (name) => app.showStrategy(place, name));
    this.enlarge = toggleButton("⤢", `Enlarge panel ${place + 1}`, () => app.enlarge(place));
    return [this.choice, this.caption, this.enlarge];
  }

  buildFacts() {
    this.bars = [new Composition(this.app, "this round"), new Composition(this.app, "so far")];
    this.curve = new Curve(this.app);
    this.note = make("div", { className: "ax-note" });
    const bars = make("div", { className: "ax-bars" }, ...this.bars.map((bar) => bar.node));
    return [this.note, make("div", { className: "ax-facts" }, bars, this.curve.node)];
  }

  get strategy() {
    return this.app.runs.indexOf(this.app.panels[this.place]);
  }

  /** The menus and buttons, from the state. */
  read() {
    const { app, place } = this;
    const walked = `${app.panels[place]}|${app.round}`; // its picks, which the keyboard goes along
    if (walked !== this.walked) [this.walked, this.cursor] = [walked, -1];
    choices(this.choice, app.runs.names.map((name) => [name, name]));
    this.choice.value = app.panels[place];
    this.enlarge.press(app.look.enlarged === place);
    this.enlarge.hidden = app.panels.length < 2;
  }

  resize(width, height) {
    const dpr = window.devicePixelRatio || 1;
    this.node.classList.toggle("ax-tight", width < 290);
    this.node.classList.toggle("ax-roomy", width >= ROOMY);
    if (this.width === width && this.height === height && this.dpr === dpr) return;
    this.stage.style.height = `${height + 2}px`; // with its border
    for (const canvas of [this.canvas, this.overlay]) {
      Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
      canvas.width = Math.round(width * dpr);
      canvas.height = Math.round(height * dpr);
    }
    [this.width, this.height, this.dpr] = [width, height, dpr];
    this.overlayEmpty = false;
  }

  // --- map positions, pixels of the screen, and those of the canvas

  get scale() {
    return this.app.camera.scale(this.width, this.height);
  }

  toScreen(x, y) {
    const [cx, cy] = this.app.camera.centre;
    return [this.width / 2 + (x - cx) * this.scale, this.height / 2 - (y - cy) * this.scale];
  }

  toMap(x, y) {
    const [cx, cy] = this.app.camera.centre;
    return [cx + (x - this.width / 2) / this.scale, cy - (y - this.height / 2) / this.scale];
  }

  /** Where patches lie on the canvas: x is ox + places[2 row] * scale, y is oy - places[2 row + 1] * scale. */
  pixels() {
    const { app, dpr } = this;
    const [cx, cy] = app.camera.centre;
    const scale = this.scale * dpr;
    return { places: app.patches.places, scale,
      ox: (this.width / 2) * dpr - cx * scale, oy: (this.height / 2) * dpr + cy * scale };
  }

  /** The patch that is seen at a place of the screen; else the nearest, if it is near; else -1. */
  under([x, y]) {
    const { stack, dpr } = this;
    const at = this.pixels();
    const row = stack.topmost(Math.floor(x * dpr), Math.floor(y * dpr), at);
    return row >= 0 ? row : stack.nearest(x * dpr, y * dpr, REACH * dpr, at);
  }

  // --- drawing

  /** What changed is drawn: the facts below a map stay while it is moved. */
  draw() {
    if (!this.width || !this.exists()) return;
    const { zoom, centre } = this.app.camera;
    const facts = `${this.strategy}|${this.app.panelKey()}`;
    const map = [facts, this.width, this.height, this.dpr, zoom, centre].join("|");
    if (map !== this.drawnMap) this.drawMap();
    if (facts !== this.drawnFacts) this.drawFacts();
    [this.drawnMap, this.drawnFacts] = [map, facts];
    this.drawOverlay();
  }

  exists() {
    return this.strategy >= 0;
  }

  /** What stands above it in a saved picture. */
  title() {
    return `${this.app.panels[this.place]}: ${this.caption.textContent}`;
  }

  drawMap() {
    const total = sum(this.app.runs.summaries[this.strategy][this.app.round].picked);
    this.picks = drawRound(this, this.strategy, total);
  }

  /** Composition bars, the F1 curve, the captions. */
  drawFacts() {
    const { app, strategy: s } = this;
    const { runs, round, patches } = app;
    const summary = runs.summaries[s][round];
    const [total, ran] = [sum(summary.picked), round < runs.done[s]];
    const onMap = countsOf(runs.picks(s, round), patches.labels, patches.classes.length);
    const sampled = ran && sum(onMap) < total ? ` (${sum(onMap)} of them on the map)` : "";
    this.caption.textContent = ran ? `${total} picked${sampled}` : "not run yet";
    Object.assign(this.node.dataset, { strategy: runs.names[s], picked: sum(onMap), round });
    this.overlay.setAttribute("aria-label", `${runs.names[s]}, round ${round}: ${ran ? app.said(s) : "not run yet"}`);
    this.bars[0].show(summary.picked);
    this.bars[1].show(summary.so_far);
    this.curve.show(s, round);
    this.note.textContent = app.nearHalf ? this.halfSaid(s) : "";
  }

  /** What the squares say, in words. */
  halfSaid(s) {
    const { runs, round, patches } = this.app;
    const rows = this.app.nearestHalfFor(s);
    if (!rows.length) return "□ nearest one half: there is no proxy before round 0";
    const p = rows.map((row) => runs.score("probability", s, round, row));
    const picked = rows.filter((row) => runs.takenBy(s)[row] === round).length;
    const counts = countsOf(rows, patches.labels, patches.classes.length);
    return `□ the ${rows.length} patches left whose p(${patches.classes[patches.positive]}) is nearest one half: ` +
      `${Math.min(...p).toFixed(2)} to ${Math.max(...p).toFixed(2)}; ${inWords(counts, patches.classes)}; ` +
      `${picked} of them picked. A proxy fitted to other labels would have others nearest.`;
  }

  /** Rings around the hovered and the pinned patch and its neighbours, and the lasso. */
  drawOverlay() {
    const { app, overlay, dpr } = this;
    const lines = app.lassoLines();
    const empty = app.hovered < 0 && app.pinnedRow < 0 && !lines.length;
    if (empty && this.overlayEmpty) return; // a canvas that is left alone costs nothing
    this.overlayEmpty = empty;
    const pen = overlay.getContext("2d");
    pen.setTransform(dpr, 0, 0, dpr, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    if (app.pinnedRow >= 0) {
      for (const row of app.patches.nearestTo(app.pinnedRow)) this.ring(pen, row, 5.5, 2, app.theme.pin);
      this.ring(pen, app.pinnedRow, 10, 3, app.theme.pin, 19);
    }
    if (app.hovered >= 0) this.ring(pen, app.hovered, 8, 2, app.theme.ink);
    for (const [how, corners] of lines) this.polygon(pen, corners, how === "take" ? [2, 3] : [5, 3]);
  }

  /** A ring; with lines out to ``far`` it is sights, which no other mark looks like. */
  ring(pen, row, r, width, colour, far = r) {
    const { app } = this;
    const { places } = app.patches;
    const [x, y] = this.toScreen(places[2 * row], places[2 * row + 1]);
    sights(pen, x, y, r, far);
    for (const [line, style] of [[width + 2, app.theme.paper], [width, colour]]) {
      [pen.lineWidth, pen.strokeStyle] = [line, style];
      pen.stroke();
    }
  }

  polygon(pen, corners, dash) {
    if (corners.length < 2) return;
    pen.beginPath();
    for (const [x, y] of corners) pen.lineTo(...this.toScreen(x, y));
    pen.closePath();
    pen.fillStyle = pen.strokeStyle = this.app.theme.ink;
    pen.globalAlpha = 0.05;
    pen.fill();
    pen.globalAlpha = 1;
    pen.setLineDash(dash);
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.setLineDash([]);
  }
}

/** The difference between two strategies' picks, on one map. */
export class DifferencePanel extends Panel {
  buildHead() {
    const { app } = this;
    const set = (at, name) => app.set("compare", app.compare.map((old, i) => (i === at ? name : old)));
    this.chosen = [0, 1].map((at) => select(`${at ? "Second" : "First"} strategy of the difference`, (name) => set(at, name)));
    this.span = select("Picks that are compared", (value) => app.set("so_far", value === "so far"),
      [["this round", "this round"], ["so far", "since round 1"]]);
    return [this.chosen[0], make("span", {}, "against"), this.chosen[1], this.span, this.caption];
  }

  buildFacts() {
    this.bars = { onlyA: new Composition(this.app, ""), both: new Composition(this.app, ""),
      onlyB: new Composition(this.app, "") };
    return [make("div", { className: "ax-bars ax-three" }, ...Object.values(this.bars).map((bar) => bar.node))];
  }

  get strategy() {
    return this.app.runs.indexOf(this.app.compare[0]);
  }

  title() {
    return `${this.app.compare.join(" against ")}: ${this.caption.textContent}`;
  }

  exists() {
    return this.app.compare.every((name) => this.app.runs.names.includes(name));
  }

  read() {
    const { app } = this;
    for (const at of [0, 1]) {
      choices(this.chosen[at], app.runs.names.map((name) => [name, name]));
      this.chosen[at].value = app.compare[at];
    }
    this.span.value = app.soFar ? "so far" : "this round";
  }

  drawMap() {
    const { app } = this;
    const [groups, shown] = [app.groups(), app.shownFor(app.mainStrategy)];
    drawDifference(this, app.comparePair(), groups);
    this.picks = [...groups.onlyA, ...groups.onlyB, ...groups.both].filter((row) => shown[row]);
  }

  drawFacts() {
    const { app } = this;
    const { patches, round } = app;
    const groups = app.groups();
    for (const [group, bar] of Object.entries(this.bars)) {
      bar.label(app.groupTitle(group));
      bar.show(countsOf(groups[group], patches.labels, patches.classes.length));
    }
    this.caption.textContent = `${groups.both.length} of ${groups.onlyA.length + groups.both.length} shared`;
    Object.assign(this.node.dataset, { onlyA: groups.onlyA.length, both: groups.both.length, onlyB: groups.onlyB.length, round });
    this.overlay.setAttribute("aria-label", this.said());
  }

  /** The three groups in a sentence. */
  said() {
    const { app } = this;
    const each = Object.entries(app.groups()).map(([group, rows]) => `${app.groupTitle(group)}: ${rows.length}`).join("; ");
    return `Difference, ${app.soFar ? "since round 1 up to" : "in"} round ${app.round}. ${each}`;
  }
}
