import assert from "node:assert/strict";
import { test } from "node:test";

import { ByHand } from "../../../activecl_nb/pictures/explorer/js/byhand.mjs";
import { csvOf } from "../../../activecl_nb/pictures/explorer/js/csv.mjs";
import { isEmpty, shownBy, toggled } from "../../../activecl_nb/pictures/explorer/js/filters.mjs";
import { afterStroke, picksFacts, spreadOf } from "../../../activecl_nb/pictures/explorer/js/hand.mjs";
import { rowsInside, selectedRows, tidied } from "../../../activecl_nb/pictures/explorer/js/lasso.mjs";
import { fitting, fromHash, toHash } from "../../../activecl_nb/pictures/explorer/js/link.mjs";
import { patches, places, runs } from "./small.mjs";

const shown = (filter) => Array.from(shownBy(filter, patches, runs, 0, 1)).flatMap((on, row) => (on ? [row] : []));

test("a lasso takes what is inside, and strokes add and take", () => {
  const left = [[-0.5, -0.5], [0.5, -0.5], [0.5, 1.5], [-0.5, 1.5]];
  const low = [[-0.5, -0.5], [2.5, -0.5], [2.5, 0.5], [-0.5, 0.5]];
  assert.deepEqual(rowsInside(left, places), [0, 3]);
  assert.deepEqual(rowsInside(left.slice(0, 2), places), []);
  assert.deepEqual(selectedRows(left, [["add", low]], places), [0, 1, 2, 3]);
  assert.deepEqual(selectedRows(left, [["add", low], ["take", left]], places), [1, 2]);
});

test("a long lasso is thinned, and a click is none", () => {
  const circle = Array.from({ length: 1000 }, (_, i) => [Math.cos(i), Math.sin(i)]);
  assert.ok(tidied(circle).length <= 200);
  assert.deepEqual(tidied(circle.slice(0, 2)), []);
});

test("filters by class, fact, who picked it, when, and by a score", () => {
  assert.ok(isEmpty({ only: { class: [] } }));
  assert.deepEqual(shown({}), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(shown({ only: { class: [1] } }), [3, 4, 5]);
  assert.deepEqual(shown({ only: { class: [1], artefact: [0] } }), [5]);
  assert.deepEqual(shown({ by: "b" }), [0, 3, 5]);
  assert.deepEqual(shown({ by: "b", rounds: [1, 1] }), [3, 5]);
  assert.deepEqual(shown({ by: "none" }), [2, 4]);
  assert.deepEqual(shown({ by: "any", rounds: [1, 1] }), [1, 3, 5]);
  assert.deepEqual(shown({ score: "probability", low: 0.5 }), [3, 4, 5]);
  assert.deepEqual(shown({ score: "difficulty", low: 0.9 }), [2, 4]); // 3 is not known
});

test("a name in the legend is pressed and let go", () => {
  const once = toggled({ by: "a" }, "class", 1);
  assert.deepEqual(once, { by: "a", only: { class: [1] } });
  assert.deepEqual(toggled(once, "class", 1), { by: "a", only: {} });
});

test("picks by hand: no more than the budget, none twice, none that is not open", () => {
  const open = [0, 1, 1, 1, 1, 1];
  assert.deepEqual(afterStroke([], "add", [0, 1, 2], open, 4), [1, 2]);
  assert.deepEqual(afterStroke([1, 2], "add", [2, 3, 4, 5], open, 4), [1, 2, 3, 4]);
  assert.deepEqual(afterStroke([1, 2], "take", [2], open, 4), [1]);
  assert.deepEqual(afterStroke([1, 2], "new", [5], open, 4), [5]);
});

test("picks in numbers: classes, distance, spread, informative ones", () => {
  assert.equal(spreadOf([0, 1], patches), 0); // they are each other's neighbours
  assert.equal(spreadOf([0, 3], patches), 2);
  const facts = picksFacts([1, 3], patches, runs, 0, 1);
  assert.deepEqual([facts.count, facts.counts, facts.informative], [2, [1, 1], 2]);
});

test("a link holds what differs from the start, and what cannot be read is left out", () => {
  const start = { round: 1, panels: ["a"], filter: {} };
  const state = { ...start, round: 0, filter: { by: "a&b=c" } };
  const hash = toHash(state, start);
  assert.deepEqual(fromHash(hash), { round: 0, filter: { by: "a&b=c" } });
  assert.equal(toHash(start, start), "");
  assert.deepEqual(fromHash("#round=%7B&nobody=1&colour=%22class%22"), { colour: "class" });
});

test("of a foreign link only what these runs have is taken over", () => {
  const state = { round: 1, panels: ["a", "nobody"], colour: "mood", pinned: 12, compare: ["a"], when: "never" };
  assert.deepEqual(fitting(state, patches, runs), { round: 1, pinned: 12 });
  assert.deepEqual(fitting({ panels: ["a", "a", "a", "a", "a"] }, patches, runs), {}); // more than four
});

test("a table of patches, with quotes where a cell needs them", () => {
  const [head, first, second] = csvOf([3, 4], patches, runs, 1).split("\r\n");
  assert.equal(head.split(",").slice(0, 7).join(), "patch,class,a round,a place,a probability,a entropy,a distance");
  assert.equal(first.split(",").slice(0, 5).join(), "13,TUM,1,1,0.500");
  assert.equal(second.split(",").slice(0, 4).join(), "14,TUM,,");
});

test("what was picked for a round that was trained is shown, and not the next round's candidates", () => {
  const said = [];
  const app = { patches: { id: [0, 1, 2], n: 3 }, say: (text) => said.push(text) };
  const hand = Object.assign(Object.create(ByHand.prototype), { app, on: true, rows: [] });
  hand.read([0, 1], { round: 1, budget: 2 });
  assert.ok(hand.on && !said.length);
  hand.read([], { round: 2, budget: 2 });
  assert.ok(!hand.on);
  assert.match(said[0], /^Round 1 is trained.*goes on with round 2/);
});
