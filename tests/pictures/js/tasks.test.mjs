// Of a task other than classification, a number and its doubt stand for p and entropy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { colouring } from "../../../activecl_nb/pictures/explorer/js/colours.mjs";
import { Runs } from "../../../activecl_nb/pictures/explorer/js/patches.mjs";
import { runs, sentRuns } from "./small.mjs";

const view = (array) => new DataView(array.buffer);

test("scores are in the task's own units", () => {
  const slots = runs.rounds + 1;
  const values = Uint8Array.from({ length: runs.names.length * slots * 6 }, (_, i) => (i < 6 ? 255 : 127));
  const one = (title, low, high) => ({ title, low, high, values: view(values) });
  const told = new Runs({ ...sentRuns, told: { probability: one("nuclei", 10, 30), entropy: one("doubt", 0, 4) } }, 6);
  assert.equal(told.score("probability", 0, 1, 0), 20);
  assert.equal(told.score("entropy", 0, 1, 0), 2);
  assert.ok(Number.isNaN(told.score("entropy", 0, 0, 0)));
  const theme = { classColours: [], faint: "#ccc" };
  const shown = colouring({ fact: () => undefined }, told, "probability", 0, 1, theme);
  assert.equal(shown.codes.length, 6);
  assert.equal(told.nearestHalf(0, 1, 2).length, 2);
});

test("runs of classes are told nothing more", () => {
  assert.deepEqual(runs.told, {});
  assert.ok(runs.score("probability", 0, 1, 1) <= 1);
});
