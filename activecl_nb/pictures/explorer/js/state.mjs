// What is on screen, as plain values, and what follows from them. No elements of the page here.
//
// The model holds what Python sends: ``fixed`` (map, labels, neighbours, thumbnails), ``runs``
// (picks, logits, distances, summaries), and the state that both sides can change. ``look`` is
// the browser's own: zoom, sizes, marks.

import { Camera } from "./camera.mjs";
import { colouring } from "./colours.mjs";
import { differenceOf, groupName } from "./difference.mjs";
import { shownBy } from "./filters.mjs";
import { selectedRows } from "./lasso.mjs";
import { clamp, digits, percent, sum } from "./numbers.mjs";
import { NEVER, Patches, Runs } from "./patches.mjs";
import { onPage } from "./theme.mjs";

export const LOOK = { order: false, fill: false, density: true, size: 1, opacity: 0.6, enlarged: null };

export class State {
  constructor(model) {
    this.model = model;
    this.patches = new Patches(model.get("fixed"));
    this.camera = new Camera(this.patches);
    this.look = { ...LOOK };
    this.hovered = -1;
    this.lassoHow = "new";
    this.drawing = null; // [how, corners] of a stroke that is being drawn
    this.version = 0;
    this.readRuns();
  }

  readRuns() {
    const sent = this.model.get("runs");
    if (this.sentRuns === sent) return;
    this.sentRuns = sent;
    this.runs = new Runs(sent, this.patches.n);
    this.cache = new Map();
    this.version += 1;
    const f1 = sent.summaries.flat().map((o) => o.f1).filter((f) => f != null);
    const [low, high] = f1.length ? [Math.min(...f1), Math.max(...f1)] : [0, 1];
    this.f1Range = [Math.max(0, Math.floor(low * 10) / 10), Math.min(1, Math.ceil(high * 10 + 1e-9) / 10)];
    if (this.f1Range[0] === this.f1Range[1]) this.f1Range = [0, 1];
  }

  readFields() {
    const get = (name) => this.model.get(name);
    this.panels = get("panels").filter((name) => this.runs.names.includes(name));
    this.compare = get("compare").filter((name) => this.runs.names.includes(name));
    if (this.compare.length !== 2) this.compare = [];
    this.round = clamp(get("round"), 0, this.runs.rounds - 1);
    [this.colour, this.when, this.soFar] = [get("colour"), get("when"), get("so_far")];
    [this.lasso, this.strokes, this.nearHalf] = [get("lasso"), get("strokes"), get("nearest_half")];
    this.filter = get("filter");
    this.pinnedRow = get("pinned") < 0 ? -1 : this.patches.id.indexOf(get("pinned"));
  }

  /** A value that is kept until the runs, or what it is made from, change. */
  kept(key, make) {
    if (!this.cache.has(key)) {
      if (this.cache.size > 80) this.cache.clear();
      this.cache.set(key, make());
    }
    return this.cache.get(key);
  }

  /** Before which round the proxy and the distances are shown. */
  get slot() {
    return this.when === "before" ? this.round : this.round + 1;
  }

  /** The strategy whose scores a filter means where several are shown: the first one's. */
  get mainStrategy() {
    if (this.compare.length) return this.runs.indexOf(this.compare[0]);
    const enlarged = this.panels[this.look.enlarged ?? 0];
    return Math.max(0, this.runs.indexOf(enlarged ?? this.panels[0]));
  }

  /** One byte a patch: 1 where the filter lets it through. */
  shownFor(s) {
    const key = `shown|${s}|${this.slot}|${JSON.stringify(this.filter)}|${this.hand.on ? this.hand.state.round : ""}`;
    return this.kept(key, () => {
      const shown = shownBy(this.filter, this.patches, this.runs, s, this.slot);
      return this.hand.on ? shown.map((on, row) => on & this.hand.open[row]) : shown;
    });
  }

  shownCount() {
    return sum(this.shownFor(this.mainStrategy));
  }

  /** Codes (n,) of the patches for one strategy now, and the colours they stand for. */
  coloursFor(s) {
    const { colour, slot, theme } = this;
    return this.kept(`colours|${colour}|${s}|${slot}|${theme.dark}`,
      () => colouring(this.patches, this.runs, colour, s, slot, theme));
  }

  nearestHalfFor(s) {
    if (!this.nearHalf) return [];
    return this.kept(`half|${s}|${this.round}`, () => this.runs.nearestHalf(s, this.round));
  }

  // --- selections and groups

  /** Rows inside the lasso that are shown. */
  selectedRows() {
    const shown = this.shownFor(this.mainStrategy);
    const key = `inside|${this.lasso}|${JSON.stringify(this.strokes)}`;
    const inside = this.kept(key, () => selectedRows(this.lasso, this.strokes, this.patches.places));
    return inside.filter((row) => shown[row]);
  }

  /** What counts are about: the selection, or else what is shown within ``box`` of the map. */
  rowsInScope(box = null) {
    if (this.lasso.length || this.strokes.length) return this.selectedRows();
    const [shown, { places }] = [this.shownFor(this.mainStrategy), this.patches];
    const rows = [];
    for (let i = 0; i < this.patches.n; i++) {
      const [x, y] = [places[2 * i], places[2 * i + 1]];
      if (shown[i] && (!box || (x >= box[0] && y >= box[1] && x <= box[2] && y <= box[3]))) rows.push(i);
    }
    return rows;
  }

  comparePair() {
    return this.compare.map((name) => this.runs.indexOf(name));
  }

  groups() {
    const [a, b] = this.comparePair();
    return this.kept(`groups|${a}|${b}|${this.round}|${this.soFar}`,
      () => differenceOf(this.runs, a, b, this.round, this.soFar));
  }

  groupTitle(group) {
    return groupName(group, this.compare);
  }

  /** What a score is called in a table. */
  scoreTitle(name) {
    const { classes, positive } = this.patches;
    const usual = { probability: `p(${classes[positive]})`, entropy: "entropy", distance: "distance to its chosen set" };
    return this.runs.told[name]?.title ?? usual[name];
  }

  compareColours() {
    return this.comparePair().map((s) => onPage(this.runs.colours[s], this.theme.dark));
  }

  classColour(code) {
    const { classColours } = this.theme;
    return classColours[code % classColours.length];
  }

  /** Pixels from a patch to the next on a map of this size, were they spread evenly over it. */
  get spacing() {
    const { width = 500, height = 400 } = this.visible?.[0] ?? {};
    return Math.sqrt((width * height) / this.patches.n);
  }

  get pointRadius() {
    const crowd = clamp(0.2 * this.spacing, 0.9, 3.2);
    const radius = clamp(crowd * Math.sqrt(this.camera.zoom), 0.9, 6) * this.look.size;
    return Math.max(0.5, Math.round(4 * radius) / 4);
  }

  /** Everything but the strategy that a panel depends on, wherever its map is moved to. */
  panelKey() {
    const { round, colour, slot, theme, look, nearHalf, filter, hand, version, compare, soFar } = this;
    return [round, colour, slot, theme.paper, JSON.stringify(look), nearHalf, JSON.stringify(filter), hand.on,
      hand.rows, compare, soFar, version, this.thumbnails.ready].join("|");
  }

  // --- in words

  takenText(s, row, short = false) {
    const [t, place] = [this.runs.takenBy(s)[row], this.runs.orderOf(s)[row] + 1];
    if (t === NEVER) return "never";
    return short ? `${t} (${place})` : `round ${t}, no. ${place}`;
  }

  /** One patch in a sentence. */
  spoken(row) {
    const taken = this.runs.names.map((name, s) => `${name} ${this.takenText(s, row)}`).join("; ");
    return `${this.patches.className(row)}, patch ${this.patches.id[row]}; taken by ${taken}`;
  }

  /** One strategy's round in a sentence. */
  said(s) {
    const { picked, so_far: far, f1 } = this.runs.summaries[s][this.round];
    const { classes, positive } = this.patches;
    const share = (counts) => percent(counts[positive], sum(counts));
    return `${sum(picked)} picked, ${share(picked)} ${classes[positive]}; so far ${share(far)}; F1 ${digits(f1)}.`;
  }
}
