// The controls above the maps.

import { button, choices, field, make, range, select, tick, toggleButton } from "./dom.mjs";
import { isEmpty } from "./filters.mjs";
import { MOST_PANELS } from "./layout.mjs";

const PROXY_COLOURS = ["entropy", "probability", "distance"];

/** Whether a fact says something of several patches: a colour for each file's name says nothing. */
const groups = (fact, n) => fact.kind !== "names" || fact.names.length <= Math.max(12, n / 4);

export class Toolbar {
  constructor(app) {
    this.app = app;
    const group = (...nodes) => make("div", { className: "ax-group" }, ...nodes);
    this.node = make("div", { className: "ax-toolbar", role: "group", "aria-label": "Explorer controls" },
      this.rounds(), group(...this.what()), group(...this.lasso()), group(...this.zoom()), group(...this.more()));
    this.drawers = make("div", {}, this.filters(), this.look());
  }

  rounds() {
    const { app } = this;
    this.play = button("▶ Play", "Play the rounds", () => app.player.toggle());
    this.back = button("◀", "Previous round", () => app.go(app.round - 1));
    this.on = button("▶", "Next round", () => app.go(app.round + 1));
    this.slider = range("Round", [0, 1, 1], (round) => app.go(round));
    this.slider.className = "ax-slider";
    this.text = make("span", { className: "ax-round" });
    this.rest = make("div", { className: "ax-group ax-rounds" }, this.play, this.back, this.slider, this.on, this.text);
    return this.rest;
  }

  what() {
    const { app } = this;
    const { patches, runs: { told } } = app;
    this.count = select("Number of panels", (count) => app.showCount(Number(count)));
    this.colour = select("Colour by", (colour) => app.set("colour", colour), [["class", "class"],
      ["entropy", told.entropy?.title ?? "entropy of the proxy"],
      ["probability", told.probability?.title ?? `p(${patches.classes[patches.positive]}) of the proxy`],
      ["distance", "distance to the chosen set"],
      ...patches.facts.filter((fact) => groups(fact, patches.n)).map((fact) => [fact.name, fact.title])]);
    this.when = select("Proxy and distances as they stood", (when) => app.set("when", when),
      [["before", "before the pick"], ["after", "after the round"]]);
    this.difference = toggleButton("Difference", "Difference: what only one of two strategies picked",
      () => app.toggleDifference());
    this.whenField = field("as it stood", this.when);
    return [field("Panels", this.count), this.difference, field("Colour by", this.colour), this.whenField];
  }

  lasso() {
    const { app } = this;
    this.lassoButton = toggleButton("Lasso", "Lasso: draw around patches to see them", () => {
      app.lassoMode = !app.lassoMode;
      app.readState();
    });
    this.how = select("What the lasso does", (how) => (app.lassoHow = how),
      [["new", "starts anew"], ["add", "adds"], ["take", "takes away"]]);
    this.hand = toggleButton("Pick by hand", "Pick by hand: be the strategy of a round", () => app.hand.toggle());
    return [this.lassoButton, this.how,
      button("Select view", "Select view: all patches that are in view", () => app.strokeView(app.visible[0])), this.hand];
  }

  zoom() {
    const { app } = this;
    return [button("+", "Zoom in", () => app.zoomBy(1.4)), button("−", "Zoom out", () => app.zoomBy(1 / 1.4)),
      button("Fit", "Fit: show the whole map", () => app.resetZoom())];
  }

  more() {
    const { app } = this;
    const drawer = (name) => {
      const node = this.drawerNode(name);
      node.hidden = !node.hidden;
      this[`${name}Button`].setAttribute("aria-expanded", String(!node.hidden));
    };
    this.filterButton = button("Filter", "Filter: show some patches only", () => drawer("filter"));
    this.lookButton = button("Look", "Look: size, opacity and marks", () => drawer("look"));
    for (const node of [this.filterButton, this.lookButton]) node.setAttribute("aria-expanded", "false");
    const buttons = [this.filterButton, this.lookButton,
      button("CSV", "CSV: save what is selected, or else shown, as a table", () => app.saveCsv()),
      button("PNG", "PNG: save a picture of this view", () => app.savePicture())];
    if (app.isPage) buttons.push(button("Link", "Link: copy an address that opens this view", () => app.copyLink()));
    return [...buttons, button("Tour", "Tour: five steps through the explorer", () => app.tour.start())];
  }

  drawerNode(name) {
    return { filter: this.filterDrawer, look: this.lookDrawer }[name];
  }

  filters() {
    const { app } = this;
    const change = (part) => app.set("filter", { ...app.filter, ...part });
    this.by = select("Show what was picked by", (by) => change({ by }));
    const whole = (label) => make("input", { type: "number", min: 0, "aria-label": label, className: "ax-number",
      on: { input: () => change({ rounds: this.roundsAsked() }) } });
    [this.first, this.last] = [whole("Picked from round"), whole("Picked up to round")];
    this.score = select("Show a range of", (score) => change({ score, low: null, high: null }));
    const bound = (name, label) => make("input", { type: "number", step: "any", "aria-label": label,
      className: "ax-number", on: { input: (event) => change({
        [name]: event.target.value === "" ? null : Number(event.target.value) }) } });
    [this.low, this.high] = [bound("low", "Lowest score"), bound("high", "Highest score")];
    this.shownText = make("span", { className: "ax-shown" });
    this.filterDrawer = make("div", { className: "ax-drawer", role: "group", "aria-label": "Filter" },
      field("picked by", this.by), field("in rounds", this.first), field("to", this.last),
      field("score", this.score), field("from", this.low), field("to", this.high),
      button("Show all", "Show all: clear the filter", () => app.set("filter", {})), this.shownText);
    this.filterDrawer.hidden = true;
    return this.filterDrawer;
  }

  /** The two numbers, or null where neither is given. */
  roundsAsked() {
    const [first, last] = [this.first.value, this.last.value];
    if (first === "" && last === "") return null;
    return [first === "" ? 0 : Number(first), last === "" ? this.app.runs.rounds - 1 : Number(last)];
  }

  look() {
    const { app } = this;
    const option = (name, label, title) => (this[name] = tick(label, title, (on) => app.setLook(name, on)));
    this.size = range("Size of the dots", [0.4, 3, 0.1], (x) => app.setLook("size", x));
    this.opacity = range("Opacity of the dots", [0.05, 1, 0.05], (x) => app.setLook("opacity", x));
    this.half = tick("nearest one half", "Mark the patches whose p is nearest one half: there the proxy is in doubt",
      (on) => app.set("nearest_half", on));
    this.lookDrawer = make("div", { className: "ax-drawer", role: "group", "aria-label": "Look" },
      field("size", this.size), field("opacity", this.opacity),
      option("order", "pick order", "Number the first picks and draw earlier ones larger"),
      option("fill", "fill the marks", "Fill the marks of picks with their colour"),
      option("density", "density", "Darken places where dots cover each other"), this.half);
    this.lookDrawer.hidden = true;
    return this.lookDrawer;
  }

  /** Every control as the state says. */
  read() {
    const { app } = this;
    const { runs, round, look, patches } = app;
    this.slider.max = runs.rounds - 1;
    this.slider.value = round;
    this.text.textContent = `round ${round} of ${runs.rounds - 1}`;
    this.slider.setAttribute("aria-valuetext", this.text.textContent);
    const most = Math.min(MOST_PANELS, Math.max(runs.names.length, app.panels.length)); // a link may name one twice
    choices(this.count, Array.from({ length: most }, (_, i) => [i + 1, i + 1]));
    this.count.value = app.panels.length;
    this.colour.value = app.colour;
    this.when.value = app.when;
    this.whenField.hidden = !PROXY_COLOURS.includes(app.colour); // and takes no room
    this.how.hidden = !(app.lassoMode || app.hand.on || app.lasso.length || app.strokes.length);
    this.back.disabled = round === 0;
    this.on.disabled = round === runs.rounds - 1;
    this.difference.press(app.compare.length);
    this.difference.disabled = runs.names.length < 2;
    this.lassoButton.press(app.lassoMode);
    this.how.options[0].hidden = app.hand.on; // picks by hand are cleared with their own button
    this.how.value = app.hand.on && app.lassoHow === "new" ? "add" : app.lassoHow;
    this.hand.press(app.hand.on);
    this.hand.disabled = !app.hand.possible;
    for (const name of ["order", "fill", "density"]) this[name].input.checked = look[name];
    this.half.input.checked = app.nearHalf;
    [this.size.value, this.opacity.value] = [look.size, look.opacity];
    this.readFilter(app.filter, patches);
  }

  readFilter(filter, patches) {
    const { runs } = this.app;
    choices(this.by, [["", "anyone or nobody"], ["any", "anyone"], ["none", "nobody"], ...runs.names.map((n) => [n, n])]);
    this.by.value = filter.by ?? "";
    const numeric = patches.facts.filter((fact) => fact.kind === "numbers").map((fact) => [fact.name, fact.title]);
    choices(this.score, [["", "any"], ["probability", runs.told.probability?.title ?? "p"],
      ["entropy", runs.told.entropy?.title ?? "entropy"], ["distance", "distance"], ...numeric]);
    this.score.value = filter.score ?? "";
    const [first, last] = filter.rounds ?? ["", ""];
    for (const [node, value] of [[this.first, first], [this.last, last], [this.low, filter.low], [this.high, filter.high]]) {
      if (node !== document.activeElement) node.value = value ?? ""; // not while it is being typed
    }
    this.low.disabled = this.high.disabled = !filter.score;
    this.filterButton.classList.toggle("ax-active", !isEmpty(filter));
    this.shownText.textContent = `${this.app.shownCount()} of ${patches.n} patches shown`;
  }

  playing(on) {
    this.play.textContent = on ? "⏸ Pause" : "▶ Play";
    this.play.setAttribute("aria-label", on ? "Pause" : "Play the rounds");
  }
}
