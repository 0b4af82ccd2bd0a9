// Below the maps: the pinned patch, what is inside the lasso, the galleries of a difference.

import { Card } from "./card.mjs";
import { button, make, table } from "./dom.mjs";
import { GROUPS, groupFacts } from "./difference.mjs";
import { Composition } from "./facts.mjs";
import { countsOf, digits, inWords, several, thinned } from "./numbers.mjs";
import { Tiles } from "./tiles.mjs";

const MOST_TILES = 96; // in a gallery
const MOST_OF_THREE = 48; // where three stand side by side
const BESIDE = ["onlyA", "onlyB", "both"]; // what differs first, side by side

/** A gallery with a heading, a sentence and a bar of classes. */
class Gallery {
  constructor(app, title, size, options = {}) {
    this.app = app;
    this.heading = make("h4", { textContent: title });
    this.text = make("div");
    this.bar = new Composition(app, "");
    this.tiles = new Tiles(app, title, size, options);
    this.scores = make("table", { className: "ax-table" });
    this.node = make("div", { className: "ax-box" }, this.heading, this.text, this.bar.node, this.scores, this.tiles.canvas);
    this.node.hidden = true;
  }

  show(rows, said, most = MOST_TILES) {
    const { patches } = this.app;
    const counts = countsOf(rows, patches.labels, patches.classes.length);
    const some = rows.length > most ? ` (${most} shown)` : "";
    this.text.textContent = `${several(rows.length)}${some}: ${inWords(counts, patches.classes)}. ${said}`.trim();
    this.bar.show(counts);
    this.tiles.canvas.dataset.inside = rows.length;
    this.tiles.show(thinned(rows, most));
  }
}

export class Boxes {
  constructor(app) {
    this.app = app;
    this.card = new Card(app, "ax-pin");
    this.near = new Tiles(app, "Nearest neighbours in feature space", 60, { named: true });
    this.pinned = make("div", { className: "ax-box ax-pinned" }, make("h4", { textContent: "Pinned" }), this.card.node,
      make("h4", { textContent: "Nearest in feature space" }), this.near.canvas,
      button("Unpin", "Unpin the patch", () => app.pin(-1)));
    this.inside = new Gallery(app, "Patches inside the lasso", 44);
    this.inside.heading.textContent = "Inside the lasso";
    this.inside.node.append(button("Clear", "Clear the lasso", () => app.clearLasso()));
    this.groups = Object.fromEntries(GROUPS.map((group) => [group, new Gallery(app, group, 44)]));
    this.picks = new Gallery(app, "Picks", 44);
    this.galleries = make("section", { className: "ax-groups", "aria-label": "Galleries" },
      this.picks.node, ...BESIDE.map((group) => this.groups[group].node)); // beside the map, or below it
    this.node = make("aside", { className: "ax-side", "aria-label": "Patches" },
      app.hand.node, this.inside.node, this.pinned);
    this.tiles = [app.hand, this.inside, this.picks, ...Object.values(this.groups)].map((box) => box.tiles);
    this.tiles.push(this.near);
  }

  /** The words; the patches follow when all words on the page are written, see ``fit``. */
  draw() {
    this.drawPinned();
    this.drawInside();
    this.drawPicks();
    this.drawGroups();
    this.app.hand.draw();
  }

  /** The patches, drawn to the room that their boxes have: all widths are asked for before anything
   * is drawn, since the browser lays the page out anew for each question that follows a change. */
  fit() {
    const shown = this.tiles.filter((tiles) => tiles.rows.length && !tiles.canvas.parentElement.hidden);
    const widths = shown.map((tiles) => tiles.canvas.parentElement.clientWidth);
    shown.forEach((tiles, i) => tiles.fit(widths[i]));
  }

  drawPinned() {
    const { app } = this;
    const row = app.pinnedRow;
    this.pinned.hidden = row < 0;
    this.card.show(row, app.whole?.row === row ? app.whole.image : null);
    if (row >= 0) this.near.show(app.patches.nearestTo(row));
  }

  drawInside() {
    const { app } = this;
    const { runs, round } = app;
    const any = app.lasso.length + app.strokes.length > 0;
    this.inside.node.hidden = !any;
    if (!any) return;
    const rows = app.selectedRows();
    const took = app.panels.map((name) => {
      const taken = runs.takenBy(runs.indexOf(name));
      return `${name} ${rows.filter((row) => taken[row] <= round).length}`;
    }).join(", ");
    this.inside.show(rows, `Taken up to round ${round}: ${took}.`);
    const key = `${rows.length}|${app.lasso}|${app.strokes}`;
    if (key !== this.saidInside) app.say(`${several(rows.length)} inside the lasso`);
    this.saidInside = key;
  }

  /** Where one panel has all the room, its picks stand beside it. */
  drawPicks() {
    const { app, picks } = this;
    const alone = !app.compare.length && app.visible.length === 1;
    picks.node.hidden = !alone;
    this.galleries.classList.toggle("ax-single", alone);
    if (!alone) return;
    const { strategy } = app.visible[0];
    const rows = app.runs.picks(strategy, app.round).filter((row) => app.shownFor(strategy)[row]);
    picks.heading.textContent = picks.tiles.label = `Picked by ${app.runs.names[strategy]} in round ${app.round}`;
    picks.show(rows, "");
  }

  drawGroups() {
    const { app } = this;
    for (const group of GROUPS) this.groups[group].node.hidden = !app.compare.length;
    if (!app.compare.length) return;
    const [groups, pair, shown] = [app.groups(), app.comparePair(), app.shownFor(app.mainStrategy)];
    for (const group of GROUPS) {
      const gallery = this.groups[group];
      const title = app.groupTitle(group);
      gallery.heading.textContent = gallery.tiles.label = title;
      const rows = groups[group].filter((row) => shown[row]);
      const { scores } = groupFacts(rows, app.patches, app.runs, pair, app.slot);
      const lines = Object.entries(scores).map(([name, both]) => [`mean ${app.scoreTitle(name)}`, ...both.map((x) => digits(x))]);
      table(gallery.scores, ["as seen by", ...app.compare], lines);
      gallery.show(rows, "", MOST_OF_THREE);
    }
  }
}
