// The same as numbers: for whoever does not see the colours, or does not believe them.

import { make, table } from "./dom.mjs";
import { GROUPS, groupFacts } from "./difference.mjs";
import { digits, percent, ratio, sum } from "./numbers.mjs";

export class Tables {
  constructor(app) {
    this.app = app;
    const tables = () => ({ rounds: make("table", { className: "ax-table" }), groups: make("table", { className: "ax-table" }) });
    this.seen = tables();
    this.overlaps = make("table", { className: "ax-table" });
    this.node = make("details", { className: "ax-details", on: { toggle: () => this.draw() } },
      make("summary", { textContent: "The same in a table; how much the picks overlap" }),
      make("div", { className: "ax-scroll", tabIndex: 0, role: "group", "aria-label": "Tables" },
        this.seen.rounds, this.overlaps, this.seen.groups));
    // A closed <details> is silent, so a screen reader finds the tables a second time, here.
    this.heard = tables();
    this.spoken = make("div", { className: "ax-hidden" }, this.heard.groups, this.heard.rounds);
  }

  draw() {
    const { app, node } = this;
    const { rounds, groups } = node.open ? this.seen : this.heard;
    for (const one of Object.values(this.heard)) one.hidden = node.open; // once is enough
    this.fillRounds(rounds);
    groups.hidden = !app.compare.length;
    if (app.compare.length) this.fillGroups(groups);
    if (node.open) this.fillOverlaps();
  }

  fillRounds(node) {
    const { runs, patches, round } = this.app;
    const { classes, positive } = patches;
    const name = classes[positive];
    const share = (counts) => percent(counts[positive], sum(counts));
    const head = ["strategy", "picked", name, `${name} so far`, "imbalance", "so far", "F1",
      "entropy of picks (rest)", "distance of picks (rest)", "farthest patch after", ...classes];
    const lines = runs.names.map((strategy, s) => {
      const o = runs.summaries[s][round];
      return [strategy, sum(o.picked), share(o.picked), share(o.so_far),
        ratio(o.picked, positive), ratio(o.so_far, positive), digits(o.f1, 3),
        `${digits(o.entropy_picks)} (${digits(o.entropy_rest)})`,
        `${digits(o.distance_picks)} (${digits(o.distance_rest)})`, digits(o.farthest), ...o.picked];
    });
    table(node, head, lines, `Picks of round ${round}`);
  }

  fillGroups(node) {
    const { app } = this;
    const { patches, runs, compare: [a, b], round, soFar } = app;
    const { classes, positive } = patches;
    const head = ["picked by", "patches", classes[positive], `entropy by ${a}'s proxy`, `by ${b}'s`,
      `p by ${a}'s`, `by ${b}'s`, `distance to ${a}'s set`, `to ${b}'s`, ...classes];
    const groups = app.groups();
    const lines = GROUPS.map((group) => {
      const { count, counts, scores } = groupFacts(groups[group], patches, runs, app.comparePair(), app.slot);
      const means = ["entropy", "probability", "distance"].flatMap((name) => scores[name].map((x) => digits(x)));
      return [app.groupTitle(group), count, percent(counts[positive], count), ...means, ...counts];
    });
    table(node, head, lines, `Difference between ${a} and ${b}, ${soFar ? "rounds 1 to" : "round"} ${round}`);
  }

  fillOverlaps() {
    const { runs, round } = this.app;
    const lines = runs.overlaps.filter(([, , t]) => t === round).map(([a, b, , now, far]) => [
      `${runs.names[a]} and ${runs.names[b]}`, `${now[2]} of ${now[0]}`, digits(now[3], 1),
      `${far[2]} of ${far[0]}`, digits(far[3], 1)]);
    table(this.overlaps, ["picked by both", "this round", "by chance", "since round 1", "by chance"], lines, "Overlap of picks");
  }
}
