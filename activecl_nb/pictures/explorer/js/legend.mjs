// What the colours and marks mean, how many patches of each are shown, and which to show alone.

import { namesCss, stopsOf } from "./colours.mjs";
import { make, select } from "./dom.mjs";
import { toggled } from "./filters.mjs";
import { groupFrames } from "./marks.mjs";
import { countsOf, digits, LN2 } from "./numbers.mjs";
import { sights, trace } from "./shapes.mjs";

const MOST_NAMES = 16;

export class Legend {
  constructor(app) {
    this.app = app;
    this.node = make("div", { className: "ax-legend", role: "group", "aria-label": "Legend" });
    this.counts = [];
    this.entries = []; // as a saved picture shows them: {sample or stops, node} each
  }

  /** Anew where something else is meant; the counts follow what is shown. */
  draw() {
    const { app } = this;
    const { colour, theme, filter } = app;
    const pressed = JSON.stringify(filter.only ?? {});
    const key = [colour, theme.dark, pressed, app.runs.far, app.look.fill, app.nearHalf, app.hand.on, app.compare,
      app.pinnedRow >= 0, this.unknown()].join("|");
    if (this.key !== key) {
      this.key = key;
      this.build();
    }
    this.count();
  }

  /** Whether there are patches whose colour is not known. */
  unknown() {
    const { codes, css } = this.app.coloursFor(this.app.mainStrategy);
    return !this.app.patches.fact(this.app.colour)?.names.length && codes.includes(css.length - 1);
  }

  build() {
    const { app } = this;
    const { patches, colour, theme } = app;
    const fact = patches.fact(colour);
    const named = colour === "class" || fact?.kind === "names";
    const shapes = patches.colours[1];
    this.counts = [];
    this.entries = [];
    const nodes = [];
    if (named && fact) {
      const css = namesCss(fact, patches.classes, theme);
      nodes.push(...this.names(fact.names, colour, fact.values, (c) => [css[c], "circle"]));
    } else if (named) {
      nodes.push(...this.names(patches.classes, "class", patches.labels,
        (c) => [app.classColour(c), shapes[c % shapes.length]]));
    } else {
      nodes.push(...this.scale(fact));
      nodes.push(...this.names(patches.classes, "class", patches.labels, (c) => [theme.plain, shapes[c % shapes.length]]));
    }
    nodes.push(make("span", { className: "ax-marks" }, ...this.marks()));
    const focused = this.node.contains(document.activeElement) ? document.activeElement.dataset.code : null;
    this.node.replaceChildren(...nodes);
    if (focused != null) this.node.querySelector(`[data-code="${focused}"]`)?.focus();
  }

  /** Buttons of names, and a menu of those for which there is no room. look: code -> [colour, shape]. */
  names(names, colour, codes, look) {
    const { app } = this;
    this.codes = codes;
    this.total = countsOf(Array.from(codes, (_, row) => row), codes, names.length);
    const only = app.filter.only?.[colour] ?? [];
    const toggle = (code) => app.set("filter", toggled(app.filter, colour, code));
    const [shown, rest] = [[], []];
    names.forEach((name, code) => (code < MOST_NAMES || only.includes(code) ? shown : rest).push(code));
    const buttons = shown.map((code) => {
      const [name, on] = [names[code], only.includes(code)];
      const count = make("span", { className: "ax-count" });
      const sample = this.sample(look(code)[1], look(code)[0]);
      const node = make("button", { type: "button", className: "ax-class", "aria-pressed": String(on),
        title: `Show only ${name}`,
        on: { click: () => toggle(code) } },
      sample, name, " ", count);
      node.dataset.code = code;
      this.entries.push({ sample, node });
      this.counts[code] = count;
      return node;
    });
    if (!rest.length) return buttons;
    const more = select("Show only another of them", (code) => toggle(Number(code)),
      [["", `and ${rest.length} more; colours repeat`], ...rest.map((code) => [code, names[code]])]);
    return [...buttons, more];
  }

  scale(fact) {
    const { colour, runs, theme } = this.app;
    const told = fact ?? runs.told[colour];
    const stops = stopsOf(colour, told, theme.scales);
    const [low, high] = told ? [told.low, told.high]
      : [0, colour === "entropy" ? LN2 : colour === "distance" ? runs.far : 1];
    const to = digits(high) + (colour === "distance" ? " and more" : "");
    const ramp = make("span", { className: "ax-scale" }, digits(low),
      make("span", { className: "ax-ramp", style: `background:linear-gradient(to right,${stops.join()})` }), to);
    this.entries.push({ stops, from: digits(low), to });
    return this.unknown() ? [ramp, this.mark(this.sample("circle", theme.faint), fact ? "not known" : "not known yet")] : [ramp];
  }

  /** The frames, which are none of the shapes of classes. */
  marks() {
    const { app } = this;
    const { theme } = app;
    const frame = (shape, text, colour = theme.ink) => this.mark(this.frame([[shape, colour]]), text);
    const marks = [];
    if (app.compare.length) {
      const groups = Object.entries(groupFrames(app));
      marks.push(...groups.map(([group, frames]) => this.mark(this.frame(frames), app.groupTitle(group))));
    } else {
      marks.push(frame("circle", "chosen before"), frame("diamond", "picked in this round"));
      if (app.nearHalf) marks.push(frame("frame", "nearest one half"));
      if (app.hand.on) marks.push(frame("circle", "picked by hand", theme.accent));
    }
    if (app.pinnedRow >= 0) marks.push(this.mark(this.pinned(), "pinned"), frame("circle", "nearest to it", theme.pin));
    return marks;
  }

  mark(sample, text) {
    const node = make("span", { className: "ax-mark" }, sample, text);
    this.entries.push({ sample, node });
    return node;
  }

  pinned() {
    const [canvas, pen] = this.pen();
    sights(pen, 16, 16, 8, 14);
    pen.lineWidth = 3;
    pen.strokeStyle = this.app.theme.pin;
    pen.stroke();
    return canvas;
  }

  /** "47 of 412": of what is shown or selected, of all on the map. */
  count() {
    const { app, codes, total } = this;
    const rows = app.rowsInScope();
    const counts = countsOf(rows, codes, total.length);
    const all = rows.length === app.patches.n;
    this.counts.forEach((node, code) => {
      const text = all ? `${total[code]}` : `${counts[code]} of ${total[code]}`;
      if (node.textContent !== text) node.textContent = text;
    });
  }

  pen() {
    const canvas = make("canvas", { className: "ax-sample", width: 32, height: 32, "aria-hidden": "true" });
    return [canvas, canvas.getContext("2d")];
  }

  sample(shape, colour) {
    const [canvas, pen] = this.pen();
    trace(pen, shape, 16, 16, 9);
    pen.fillStyle = colour;
    pen.fill();
    return canvas;
  }

  frame(frames) {
    const [canvas, pen] = this.pen();
    for (const [shape, colour] of frames) {
      trace(pen, shape, 16, 16, 10);
      pen.lineWidth = 3;
      pen.strokeStyle = colour;
      pen.stroke();
    }
    return canvas;
  }
}
