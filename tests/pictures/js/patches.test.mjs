import assert from "node:assert/strict";
import { test } from "node:test";

import { colouring, namesCss, shade, stopsOf } from "../../../activecl_nb/pictures/explorer/js/colours.mjs";
import { differenceOf, groupFacts } from "../../../activecl_nb/pictures/explorer/js/difference.mjs";
import { NEVER, Runs, typed, unsigned } from "../../../activecl_nb/pictures/explorer/js/patches.mjs";
import { patches, runs, sentRuns } from "./small.mjs";

test("bytes are read in the type that their number says, wherever they begin", () => {
  const bytes = Uint8Array.from([9, 9, 9, 1, 0, 2, 0]);
  assert.deepEqual(Array.from(unsigned(new DataView(bytes.buffer, 3, 4), 2)), [1, 2]);
  assert.deepEqual(Array.from(unsigned(new DataView(bytes.buffer, 3, 4), 4)), [1, 0, 2, 0]);
  assert.deepEqual(Array.from(typed(new DataView(bytes.buffer, 3, 4), Uint16Array)), [1, 2]);
});

test("what nobody took was never taken, and picks come in their order", () => {
  assert.equal(runs.takenBy(0)[2], NEVER);
  assert.deepEqual(runs.picks(0, 1), [3, 1]);
  assert.deepEqual(runs.picks(1, 1, true), [3, 5]);
});

test("the patches nearest one half are those that Python marks, strategy by strategy", () => {
  assert.deepEqual(runs.nearestHalf(0, 1), [2, 3]);
  assert.deepEqual(runs.nearestHalf(0, 0), []); // no proxy yet
  assert.deepEqual(runs.nearestHalf(1, 1), [3, 4]);
});

test("scores are decoded, and nan where nothing was known", () => {
  assert.equal(runs.score("probability", 0, 1, 3), 0.5);
  assert.ok(runs.score("probability", 0, 1, 5) > 0.999);
  assert.ok(Number.isNaN(runs.score("entropy", 0, 0, 1)));
  assert.equal(runs.score("distance", 0, 1, 5), 10);
});

test("the difference of two strategies: three groups that make up their picks", () => {
  const groups = differenceOf(runs, 0, 1, 1, false);
  assert.deepEqual(groups, { onlyA: [1], both: [3], onlyB: [5] });
  const facts = groupFacts(groups.onlyB, patches, runs, [0, 1], 1);
  assert.deepEqual(facts.counts, [0, 1]);
  assert.equal(facts.scores.distance[0], 10);
});

const theme = { classColours: ["#111111", "#222222"], inTurn: ["#333333", "#444444"], faint: "#cccccc",
  scales: { numbers: ["#000000", "#ffffff"], boundary: ["#0000ff", "#000000", "#ff0000"] } };

test("names that say none are grey, others take colours in turn, and classes have their own", () => {
  const css = (names, none) => namesCss({ names, none }, patches.classes, theme);
  assert.deepEqual(css(["fold", "none", "pen"], 1), ["#333333", "#cccccc", "#444444"]);
  assert.deepEqual(css(patches.classes, -1), theme.classColours);
});

test("a probability is told from one half, and in another task it is a number like others", () => {
  assert.deepEqual(stopsOf("probability", undefined, theme.scales), theme.scales.boundary);
  assert.deepEqual(stopsOf("probability", {}, theme.scales), theme.scales.numbers);
  assert.deepEqual(stopsOf("entropy", undefined, theme.scales), theme.scales.numbers);
});

test("what is not known has the colour for it, and scales end where they say", () => {
  const { codes, css } = colouring(patches, runs, "difficulty", 0, 1, theme);
  assert.equal(css[codes[3]], "#cccccc");
  assert.equal(css[codes[2]], shade(theme.scales.numbers, 1));
  assert.equal(css[codes[0]], shade(theme.scales.numbers, 0));
});

test("facts in words", () => {
  assert.equal(patches.told(patches.fact("artefact"), 0), "fold");
  assert.equal(patches.told(patches.fact("difficulty"), 1), "0.50");
  assert.equal(patches.told(patches.fact("difficulty"), 3), "not known");
});

// Of a task other than classification, a number and its doubt stand for p and entropy.
const view = (array) => new DataView(array.buffer);

test("scores are in the task's own units", () => {
  const slots = runs.rounds + 1;
  const values = Uint8Array.from({ length: runs.names.length * slots * 6 }, (_, i) => (i < 6 ? 255 : 127));
  const one = (title, low, high) => ({ title, low, high, values: view(values) });
  const told = new Runs({ ...sentRuns, told: { probability: one("nuclei", 10, 30), entropy: one("doubt", 0, 4) } }, 6);
  assert.equal(told.score("probability", 0, 1, 0), 20);
  assert.equal(told.score("entropy", 0, 1, 0), 2);
  assert.ok(Number.isNaN(told.score("entropy", 0, 0, 0)));
  const shown = colouring({ fact: () => undefined }, told, "probability", 0, 1, theme);
  assert.equal(shown.codes.length, 6);
});

test("runs of classes are told nothing more", () => {
  assert.deepEqual(runs.told, {});
  assert.ok(runs.score("probability", 0, 1, 1) <= 1);
});
