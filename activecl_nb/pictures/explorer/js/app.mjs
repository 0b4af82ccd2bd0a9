// Everything together: what the controls do, and when what is drawn.

import { Boxes } from "./boxes.mjs";
import { ByHand } from "./byhand.mjs";
import { FloatingCard } from "./card.mjs";
import { csvOf } from "./csv.mjs";
import { make } from "./dom.mjs";
import { rowsInside, tidied } from "./lasso.mjs";
import { arranged } from "./layout.mjs";
import { Legend } from "./legend.mjs";
import { SHARED, fitting, fromHash, toHash } from "./link.mjs";
import { clamp } from "./numbers.mjs";
import { DifferencePanel, Panel } from "./panel.mjs";
import { save, savePicture } from "./picture.mjs";
import { Player } from "./player.mjs";
import { LOOK, State } from "./state.mjs";
import { Tables } from "./tables.mjs";
import { readTheme, watchTheme } from "./theme.mjs";
import { Thumbnails } from "./thumbnails.mjs";
import { Toolbar } from "./toolbar.mjs";
import { Tour } from "./tour.mjs";

const WIDE = 1080; // pixels, from which on a difference has its galleries beside the map
const NARROW = 700; // pixels, below which the controls flow without groups

const HELP = "Keys: left and right arrows step the round, Home and End go to the first and the last. " +
  "On a map: plus and minus zoom, Shift and arrows pan, 0 shows it all, . and , go along the picks, " +
  "Enter pins, l selects what is in view, Escape clears. Mouse: drag pans, the wheel zooms once the map is " +
  "clicked, Shift and drag draws a lasso; with Ctrl as well it adds, with Alt it takes away.";

export class App extends State {
  constructor(model, el) {
    super(model);
    this.isPage = Boolean(model.page);
    this.helpId = `ax-${Math.random().toString(36).slice(2)}`;
    this.thumbnails = new Thumbnails(this.patches);
    this.hand = new ByHand(this);
    this.player = new Player(this);
    this.shown = []; // a panel for each strategy
    this.build(el);
    this.atStart = this.linked();
    if (this.isPage) this.openLink();
    this.readState();
    this.listen();
    this.thumbnails.load().then(() => {
      this.root.dataset.thumbnails = "ready";
      this.redraw({ all: true });
    }, () => this.say("The thumbnails could not be read"));
    this.tour.offer();
  }

  build(el) {
    const { patches } = this;
    this.toolbar = new Toolbar(this);
    this.legend = new Legend(this);
    this.tour = new Tour(this);
    this.boxes = new Boxes(this);
    this.tables = new Tables(this);
    this.floating = new FloatingCard(this);
    this.difference = new DifferencePanel(this, 0);
    this.grid = make("div", { className: "ax-grid" });
    this.status = make("div", { className: "ax-hidden", role: "status", "aria-live": "polite" });
    const sampled = patches.n < patches.pool ? `; the map shows ${patches.n.toLocaleString("en")} of the pool's ` +
      `${patches.pool.toLocaleString("en")} patches, counts are of all picks` : "";
    this.root = make("div", { className: "ax", on: { keydown: (event) => this.key(event) } },
      this.toolbar.node, this.toolbar.drawers, this.tour.node, this.legend.node,
      make("div", { className: "ax-main" }, this.grid, this.boxes.galleries), this.boxes.node,
      this.tables.node, this.tables.spoken, this.status,
      make("p", { className: "ax-help", id: this.helpId, textContent: HELP }),
      make("p", { className: "ax-help", textContent: `Source: ${patches.source}${sampled}` }), this.floating.node);
    el.replaceChildren(this.root);
    this.resizing = new ResizeObserver(() => this.layout());
    this.resizing.observe(this.root);
  }

  listen() {
    this.heard = [];
    const on = (event, f) => {
      this.model.on(event, f);
      this.heard.push([event, f]);
    };
    // Several may come with one message, and every one is told alone: they are read once.
    const changed = () => {
      this.reading ??= Promise.resolve().then(() => {
        this.reading = null;
        this.readState();
      });
    };
    for (const name of [...SHARED, "hand_state", "runs"]) on(`change:${name}`, changed);
    on("msg:custom", (message, buffers) => this.received(message, buffers));
    this.stopThemes = watchTheme(() => {
      this.theme = null;
      this.redraw({ all: true });
    });
    if (this.isPage) window.addEventListener("hashchange", () => this.openLink() && this.readState());
  }

  close() {
    this.player.stop();
    cancelAnimationFrame(this.frame);
    this.resizing.disconnect();
    this.stopThemes();
    for (const [event, f] of this.heard) this.model.off(event, f);
  }

  // --- state: the model's, read into plain fields

  readState() {
    this.readRuns();
    this.readFields();
    this.hand.read(this.model.get("hand"), this.model.get("hand_state"));
    this.root.classList.toggle("ax-lassoing", Boolean(this.lassoMode));
    while (this.shown.length < this.panels.length) this.shown.push(new Panel(this, this.shown.length));
    this.shown.length = this.panels.length;
    if (this.look.enlarged >= this.panels.length) this.look.enlarged = null;
    const { enlarged } = this.look;
    this.visible = this.compare.length ? [this.difference] : enlarged == null ? this.shown : [this.shown[enlarged]];
    this.toolbar.read();
    for (const panel of this.visible) panel.read();
    this.boxes.galleries.hidden = this.visible.length > 1;
    const nodes = this.visible.map((panel) => panel.node);
    if (this.grid.children.length !== nodes.length || nodes.some((node, i) => this.grid.children[i] !== node)) {
      this.grid.replaceChildren(...nodes);
      this.layout();
    }
    this.redraw({ all: true });
  }

  /** Change the state, tell Python. */
  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
    this.readState();
  }

  setLook(name, value) {
    this.look[name] = value;
    this.readState();
  }

  go(round) {
    const to = clamp(round, 0, this.runs.rounds - 1);
    if (to === this.round) return;
    this.set("round", to);
    this.say(this.compare.length ? this.difference.said()
      : `Round ${to}. ` + this.panels.map((name) => `${name}: ${this.said(this.runs.indexOf(name))}`).join(" "));
  }

  showStrategy(place, name) {
    this.set("panels", this.panels.map((old, i) => (i === place ? name : old)));
  }

  showCount(count) {
    const spare = this.runs.names.filter((name) => !this.panels.includes(name));
    this.set("panels", [...this.panels, ...spare].slice(0, count));
  }

  enlarge(place) {
    this.setLook("enlarged", this.look.enlarged === place ? null : place);
  }

  toggleDifference() {
    const [a, b] = [...new Set([...this.panels, ...this.runs.names])];
    this.set("compare", this.compare.length ? [] : [a, b]);
    if (this.compare.length) this.say(this.difference.said());
  }

  key(event) {
    const own = /^(SELECT|INPUT|SUMMARY)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (this.lasso.length || this.strokes.length) this.clearLasso();
      else if (this.pinnedRow >= 0) this.pin(-1);
      else return;
    } else if (own || event.altKey || event.ctrlKey || event.metaKey) return;
    else if (event.key === "ArrowRight") this.go(this.round + 1);
    else if (event.key === "ArrowLeft") this.go(this.round - 1);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.runs.rounds - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- zoom and pan

  zoomBy(factor, about) {
    this.camera.zoomBy(factor, about);
    this.moved();
  }

  resetZoom() {
    this.camera.reset();
    this.moved();
  }

  /** The map moved: draw it at once, and count what is in view when it has come to rest. */
  moved() {
    this.redraw();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.redraw({ all: true }), 120);
  }

  // --- single patches

  /** at: where the pointer is, or the mark that the keyboard is on. */
  hover(row, at = null) {
    this.floating.follow(row === this.pinnedRow ? -1 : row, at); // the pinned patch has its card below
    if (row === this.hovered) return;
    this.hovered = row;
    this.overlays();
  }

  click(row) {
    if (this.hand.on) this.hand.click(row);
    else this.pin(row);
  }

  pin(row) {
    this.whole = null;
    this.set("pinned", row < 0 ? -1 : this.patches.id[row]);
    if (row >= 0) {
      this.floating.follow(-1);
      this.model.send({ ask: "patch", row });
      this.say(`Pinned ${this.spoken(row)}`);
    }
  }

  /** The whole image of a patch, from Python; the standalone page has thumbnails only. */
  async received(message, buffers) {
    if (message.patch === undefined || message.patch !== this.pinnedRow) return;
    this.whole = { row: message.patch, image: await createImageBitmap(new Blob([buffers[0]])) };
    this.boxes.drawPinned();
    this.boxes.fit();
  }

  // --- the lasso

  /** A polygon was drawn: how is "new", "add" or "take". */
  stroke(how, corners) {
    const kept = tidied(corners);
    if (this.hand.on) {
      this.hand.stroke(how === "new" ? "add" : how, rowsInside(kept, this.patches.places));
    } else if (how === "new" || !(this.lasso.length || this.strokes.length)) {
      this.model.set("strokes", []);
      this.set("lasso", how === "take" ? [] : kept);
    } else if (kept.length) this.set("strokes", [...this.strokes, [how, kept]]);
  }

  strokeView(panel) {
    const [w, h] = [panel.width, panel.height];
    this.stroke(this.lassoHow, [[0, 0], [w, 0], [w, h], [0, h]].map(([x, y]) => panel.toMap(x, y)));
  }

  clearLasso() {
    this.model.set("strokes", []);
    this.set("lasso", []);
  }

  /** Polygons to draw: [how, corners] each. */
  lassoLines() {
    const lines = this.lasso.length ? [["new", this.lasso]] : [];
    return [...lines, ...this.strokes, ...(this.drawing ? [this.drawing] : [])];
  }

  // --- saving

  saveCsv() {
    const rows = this.lasso.length || this.strokes.length ? this.selectedRows()
      : this.rowsInScope();
    const text = csvOf(rows, this.patches, this.runs, this.slot);
    save(new Blob([text], { type: "text/csv" }), `patches-round-${this.round}.csv`);
    this.say(`Saved ${rows.length} patches`);
  }

  savePicture() {
    return savePicture(this, `explorer-round-${this.round}.png`);
  }

  viewTitle() {
    const by = this.toolbar.colour.selectedOptions[0]?.textContent ?? this.colour;
    return `Round ${this.round} of ${this.runs.rounds - 1}, coloured by ${by}`;
  }

  /** What stands below the saved picture and its legend. */
  pictureLines() {
    const picks = this.compare.length ? [this.difference.overlay.getAttribute("aria-label")]
      : this.visible.map((panel) => panel.overlay.getAttribute("aria-label"));
    return [...picks, `Source: ${this.patches.source}`];
  }

  /** The state as a link holds it. */
  linked() {
    const state = Object.fromEntries(SHARED.map((name) => [name, this.model.get(name)]));
    return { ...state, look: { ...this.look, zoom: this.camera.zoom, centre: this.camera.centre } };
  }

  hash() {
    return toHash(this.linked(), this.atStart);
  }

  /** Take over the state behind # in the address; whether there was one. */
  openLink() {
    const state = fitting(fromHash(window.location.hash), this.patches, this.runs);
    const { zoom, centre, ...look } = state.look ?? {};
    for (const [name, value] of Object.entries(state)) if (name !== "look") this.model.set(name, value);
    for (const name of Object.keys(LOOK)) if (name in look) this.look[name] = look[name];
    if (Array.isArray(centre) && zoom > 0) [this.camera.zoom, this.camera.centre] = [zoom, centre];
    return Object.keys(state).length > 0;
  }

  async copyLink() {
    const hash = this.hash();
    window.history.replaceState(null, "", hash || window.location.pathname);
    try {
      await navigator.clipboard.writeText(window.location.href);
      this.say("Link copied");
    } catch {
      this.say("The link is in the address bar");
    }
  }

  // --- drawing

  layout() {
    const whole = this.root.clientWidth;
    this.root.classList.toggle("ax-wide", whole >= WIDE);
    this.root.classList.toggle("ax-narrow", whole < NARROW);
    const width = this.grid.clientWidth;
    if (!width || !this.visible) return;
    const { columns, width: each, height } = arranged(this.visible.length, width, window.innerHeight, this.camera.slant);
    this.grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    for (const panel of this.visible) panel.resize(each, height);
    this.redraw({ all: true });
  }

  /** Draw in the next frame; many changes within a frame are drawn once. */
  redraw({ all = false } = {}) {
    this.wanted = { all: all || this.wanted?.all };
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const everything = this.wanted.all;
      this.wanted = null;
      this.drawNow(everything);
    });
  }

  drawNow(everything) {
    if (!this.root.isConnected || !this.visible[0]?.width) return;
    this.theme ??= readTheme(this.root, this.patches);
    this.root.classList.toggle("ax-dark", this.theme.dark);
    if (everything) this.legend.draw();
    for (const panel of this.visible) panel.draw();
    if (everything) {
      this.boxes.draw();
      this.tables.draw();
      this.boxes.fit();
    }
    this.root.dataset.round = this.round;
    this.root.dataset.drawn = Number(this.root.dataset.drawn ?? 0) + 1;
    this.hideStill();
  }

  rowsInScope() {
    const panel = this.visible?.[0];
    if (!panel?.width || this.camera.zoom <= 1) return super.rowsInScope();
    const [[left, low], [right, high]] = [panel.toMap(0, panel.height), panel.toMap(panel.width, 0)];
    return super.rowsInScope([left, low, right, high]);
  }

  /** The static figure beside us is for whoever opens the notebook without a kernel. */
  hideStill() {
    const token = this.model.get("token");
    if (!token || this.hiding) return;
    this.hiding = make("style", { textContent: `[data-activecl-still="${token}"] { display: none; }` });
    document.head.append(this.hiding);
  }

  overlays() {
    this.overlaying ||= requestAnimationFrame(() => {
      this.overlaying = 0;
      for (const panel of this.visible) if (panel.width && this.theme) panel.drawOverlay();
    });
  }

  /** Tell a screen reader. */
  say(text) {
    this.status.textContent = text;
  }
}
