// The learner as a strategy: picks of one round, and in a notebook the round that they train.

import { button, make, table } from "./dom.mjs";
import { afterStroke, picksFacts } from "./hand.mjs";
import { digits, inWords, percent } from "./numbers.mjs";
import { Tiles } from "./tiles.mjs";

export class ByHand {
  constructor(app) {
    this.app = app;
    this.on = false;
    this.rows = [];
    this.text = make("div");
    this.tiles = new Tiles(app, "Picked by hand", 44, { chosen: (row) => this.stroke("take", [row]) });
    this.table = make("table", { className: "ax-table" });
    this.note = make("p", { className: "ax-note", textContent: "Spread: how many have no other pick among their eight nearest patches. " +
      (app.patches.informative_said ?? "") });
    this.train = button("Train this round", "Train this round on the picks", () => this.run());
    this.clear = button("Clear the picks", "Clear the picks made by hand", () => this.stroke("new", []));
    this.node = make("div", { className: "ax-box ax-hand" }, make("h4", { textContent: "Picked by hand" }), this.text,
      make("div", { className: "ax-scroll", tabIndex: 0, role: "group", "aria-label": "Picks of this round" }, this.table),
      this.note, this.tiles.canvas, this.train, this.clear);
    this.node.hidden = true;
  }

  /** What Python says of the round that is open: {round, budget, open, live, busy, text}. */
  read(ids, state) {
    const { patches } = this.app;
    const before = this.state ?? state;
    this.state = state;
    this.possible = Boolean(state.budget);
    if (state.round > before.round) { // trained: what was picked is shown, and not the next candidates
      this.on = false;
      this.app.say(`Round ${before.round} is trained; its picks and its curve stand beside the others'. ` +
        (this.possible ? `Pick by hand goes on with round ${state.round}.` : ""));
    }
    if (!this.possible) this.on = false;
    if (this.openFrom !== state.open) {
      this.openFrom = state.open;
      const { open } = state;
      this.open = open ? new Uint8Array(open.buffer, open.byteOffset, open.byteLength) : new Uint8Array(patches.n);
    }
    const rows = ids.map((id) => patches.id.indexOf(id)).filter((row) => row >= 0);
    if (rows.length && !this.rows.length && this.possible) this.on = true; // from Python, or a link
    this.rows = rows;
    this.picked = new Set(this.on ? rows : []);
  }

  has(row) {
    return this.picked.has(row);
  }

  toggle() {
    const { app } = this;
    this.on = !this.on;
    this.picked = new Set(this.on ? this.rows : []);
    if (this.on) {
      app.say(`Pick ${this.state.budget} patches for round ${this.state.round}: draw around them, or click them.`);
      if (app.round !== this.state.round && this.state.round < app.runs.rounds) {
        app.set("round", this.state.round);
        return;
      }
    }
    app.readState();
  }

  /** A stroke of the lasso, or a click, on these rows. */
  stroke(how, rows) {
    const { app, state, open } = this;
    const before = this.rows.length;
    const picks = afterStroke(this.rows, how, rows, open, state.budget);
    app.set("hand", picks.map((row) => app.patches.id[row]));
    const inVain = how !== "take" && picks.length === before && rows.length;
    const why = before === state.budget ? "the round is full: train it, or take some away" : "none of these can be picked";
    app.say(`${picks.length} of ${state.budget} picked by hand${inVain ? `; ${why}` : ""}`);
  }

  click(row) {
    if (row >= 0) this.stroke(this.has(row) ? "take" : "add", [row]);
  }

  run() {
    this.app.model.send({ ask: "hand" });
    this.text.textContent = `Training round ${this.state.round} ...`;
    this.train.disabled = true;
  }

  /** The strategies of the same round, and the hand beside them. */
  lines() {
    const { app, state, rows } = this;
    const { runs, patches } = app;
    const own = Math.max(0, runs.indexOf(state.name));
    const line = (name, picks, s) => {
      const facts = picksFacts(picks, patches, runs, s, state.round);
      return [name, facts.count, percent(facts.counts[patches.positive], facts.count), digits(facts.entropy),
        digits(facts.distance), facts.apart, facts.informative ?? "not known"];
    };
    const others = runs.names.map((name, s) => [name, s])
      .filter(([name, s]) => name !== state.name && state.round < runs.done[s])
      .map(([name, s]) => line(name, runs.picks(s, state.round), s));
    return [line("by hand", rows, own), ...others];
  }

  draw() {
    const { app, state, rows } = this;
    const { patches } = app;
    this.node.hidden = !this.on;
    if (!this.on) return;
    const left = state.budget - rows.length;
    const counts = patches.classes.map((_, c) => rows.filter((row) => patches.labels[row] === c).length);
    this.text.textContent = state.busy || `Round ${state.round}: ${rows.length} of ${state.budget} picked` +
      (rows.length ? ` (${inWords(counts, patches.classes)})` : "") + (left ? `, ${left} to go. ` : "; it is full. ") +
      (state.text || (state.live ? "When all are picked, train the round and see your own curve."
        : "Grey patches cannot be picked: they are no candidates of this round."));
    this.train.hidden = !state.live;
    this.train.disabled = left !== 0 || Boolean(state.busy);
    table(this.table, ["picks of this round", "patches", patches.classes[patches.positive], "entropy", "distance",
      "spread", "informative"], this.lines());
    this.tiles.show(rows);
  }
}
