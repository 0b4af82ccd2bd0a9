// Five steps for whoever opens the explorer first: one sentence each, and the part it speaks of.

import { button, make } from "./dom.mjs";

const SEEN = "activecl-explorer-tour";
const STEPS = [
  [".ax-rounds", "Step through the rounds. Round 0 is random for all; round 1 is the first that a strategy chose."],
  [".ax-grid", "Every panel is the same map of the same patches. What differs is what was picked: the diamonds. " +
    "Point at a patch to see it, click to pin it."],
  [".ax-legend", "The legend says what the colours mean. Press a name to see it alone; Colour by shows doubt, distance and ground truth."],
  ["[aria-label^='Difference:']", "Difference puts two strategies on one map: picked by both, only by the first, only by the second."],
  ["[aria-label^='Pick by hand']", "Pick by hand makes you the strategy of a round. Can you beat entropy?"],
];

export class Tour {
  constructor(app) {
    this.app = app;
    this.text = make("span", { className: "ax-tour-text" });
    this.back = button("Back", "Back: the step before", () => this.go(this.step - 1));
    this.next = button("Next", "Next step of the tour", () => this.go(this.step + 1));
    this.node = make("div", { className: "ax-tour", role: "region", "aria-label": "Tour",
      on: { keydown: (event) => this.key(event) } },
    this.text, make("div", { className: "ax-group" }, this.back, this.next,
      button("Close", "Close the tour", () => this.close())));
    this.node.hidden = true;
  }

  /** Open at the first visit; a browser that keeps nothing shows it again. */
  offer() {
    try {
      if (localStorage.getItem(SEEN)) return;
      localStorage.setItem(SEEN, "yes");
    } catch {
      // a page without storage
    }
    this.go(0, false);
  }

  start() {
    this.go(0);
  }

  go(step, focus = true) {
    if (step < 0 || step >= STEPS.length) {
      this.close();
      return;
    }
    this.step = step;
    this.mark();
    const [selector, text] = STEPS[step];
    this.text.textContent = `${step + 1} of ${STEPS.length}: ${text}`;
    this.back.disabled = step === 0;
    this.next.textContent = step + 1 === STEPS.length ? "Done" : "Next";
    this.node.hidden = false;
    this.app.root.querySelector(selector)?.classList.add("ax-toured");
    if (focus) this.next.focus();
    this.app.say(this.text.textContent);
  }

  mark() {
    for (const node of this.app.root.querySelectorAll(".ax-toured")) node.classList.remove("ax-toured");
  }

  close() {
    const inside = this.node.contains(document.activeElement);
    this.mark();
    this.node.hidden = true;
    if (inside) this.app.toolbar.play.focus();
  }

  key(event) {
    if (event.key !== "Escape") return;
    this.close();
    event.preventDefault();
    event.stopPropagation();
  }
}
