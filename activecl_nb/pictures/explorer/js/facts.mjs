// What stands below a map: bars of classes, and F1 by round.

import { make } from "./dom.mjs";
import { digits, percent, ratio, sum } from "./numbers.mjs";
import { onPage } from "./theme.mjs";

/** A stacked bar of classes; the positive class comes first and is hatched. */
export class Composition {
  constructor(app, label) {
    this.app = app;
    const { classes, positive } = app.patches;
    this.parts = classes.map((_, c) => make("span", { className: c === positive ? "ax-part ax-positive" : "ax-part" }));
    this.name = make("span", { className: "ax-bar-label", textContent: label });
    this.bar = make("span", { className: "ax-bar", role: "img" }, ...this.parts);
    this.text = make("span", { className: "ax-bar-text",
      title: `patches that are not ${classes[positive]} for each one that is` });
    this.node = make("div", { className: "ax-bar-row" }, this.name, this.bar, this.text);
  }

  label(text) {
    this.name.textContent = text;
  }

  show(counts) {
    const { app } = this;
    const { classes, positive } = app.patches;
    const total = sum(counts);
    this.parts.forEach((part, c) => {
      part.style.cssText = `width:${(100 * counts[c]) / Math.max(1, total)}%;` +
        `display:${counts[c] ? "block" : "none"};background-color:${app.classColour(c)}`;
      part.title = `${classes[c]}: ${counts[c]}`;
    });
    this.bar.setAttribute("aria-label", classes.map((name, c) => `${name} ${counts[c]}`).join(", "));
    this.text.textContent = total
      ? `${classes[positive]} ${percent(counts[positive], total)}, others ${ratio(counts, positive)}` : "–";
  }
}

const [W, H, LEFT, RIGHT] = [260, 54, 30, 74];

/** F1 by round: this strategy's, and faintly the others'. */
export class Curve {
  constructor(app) {
    this.app = app;
    this.node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.node.classList.add("ax-curve");
    this.node.setAttribute("role", "img");
    this.node.setAttribute("viewBox", `0 0 ${W} ${H}`);
  }

  x(t) {
    const { rounds } = this.app.runs;
    return LEFT + (rounds > 1 ? t / (rounds - 1) : 0.5) * (W - LEFT - RIGHT);
  }

  y(f1) {
    const [low, high] = this.app.f1Range;
    return H - 8 - ((f1 - low) / (high - low)) * (H - 16);
  }

  path(s) {
    return this.app.runs.summaries[s].map(({ f1 }, t) => [t, f1]).filter(([, f1]) => f1 != null)
      .map(([t, f1], i) => `${i ? "L" : "M"}${this.x(t).toFixed(1)},${this.y(f1).toFixed(1)}`).join("");
  }

  show(s, round) {
    const { runs, f1Range: [low, high], version, theme } = this.app;
    if (this.shown !== `${s}|${version}`) {
      this.shown = `${s}|${version}`;
      const others = runs.names.map((_, q) => (q === s ? "" : this.path(q))).join("");
      this.node.innerHTML =
        `<path class="ax-axis" d="M${LEFT},8V${H - 8}H${W - RIGHT}"/>` +
        `<text x="${LEFT - 4}" y="12" class="ax-tick">${high.toFixed(2)}</text>` +
        `<text x="${LEFT - 4}" y="${H - 6}" class="ax-tick">${low.toFixed(2)}</text>` +
        `<path class="ax-other" d="${others || "M0,0"}"/><path class="ax-own" d="${this.path(s) || "M0,0"}"/>` +
        `<path class="ax-marker"/><text x="${W - RIGHT + 10}" y="${H / 2 + 5}" class="ax-f1"></text>`;
    }
    const { f1 } = runs.summaries[s][round];
    this.node.style.setProperty("--ax-own", onPage(runs.colours[s], theme.dark));
    this.node.setAttribute("aria-label", `F1 by round; in round ${round} it is ${digits(f1)}`);
    this.node.querySelector(".ax-marker").setAttribute("d",
      f1 == null ? "" : `M${this.x(round)},${this.y(f1) - 6}l6,6l-6,6l-6,-6z`);
    this.node.querySelector(".ax-f1").textContent = `F1 ${digits(f1)}`;
  }
}
