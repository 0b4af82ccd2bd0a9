import assert from "node:assert/strict";
import { test } from "node:test";

import * as numbers from "../../../activecl_nb/pictures/explorer/js/numbers.mjs";

test("shares are whole percent, halves upwards", () => {
  assert.equal(numbers.percent(1, 8), "13%");
  assert.equal(numbers.percent(1, 3), "33%");
  assert.equal(numbers.percent(0, 5), "0%");
  assert.equal(numbers.percent(0, 0), "–");
});

test("numbers that are not known are a dash", () => {
  assert.equal(numbers.digits(0.125), "0.13");
  assert.equal(numbers.digits(-0.125), "-0.13");
  for (const x of [NaN, null, undefined, Infinity]) assert.equal(numbers.digits(x), "–");
});

test("entropy of a logit is that of its probability", () => {
  for (const z of [-6, -0.3, 0, 2]) {
    const p = numbers.probabilityOf(z);
    assert.ok(Math.abs(numbers.entropyOf(z) + p * Math.log(p) + (1 - p) * Math.log(1 - p)) < 1e-12);
  }
  assert.equal(numbers.entropyOf(0), Math.LN2);
});

test("negatives for each positive", () => {
  assert.equal(numbers.ratio([6, 2], 1), "3.0 : 1");
  assert.equal(numbers.ratio([5, 0], 1), "5 : 0");
  assert.equal(numbers.ratio([0, 0], 1), "–");
});

test("thinning keeps the ends of what fits and spreads what does not", () => {
  assert.deepEqual(numbers.thinned([4, 5], 3), [4, 5]);
  assert.deepEqual(numbers.thinned([0, 1, 2, 3, 4, 5], 3), [0, 2, 4]);
  assert.deepEqual(numbers.thinned([1, 2], 0), []);
});

test("means leave out what is not known", () => {
  assert.equal(numbers.meanOf([1, NaN, 3]), 2);
  assert.ok(Number.isNaN(numbers.meanOf([NaN])));
});

test("counts in words, the most first", () => {
  assert.equal(numbers.inWords(numbers.countsOf([0, 1, 2], [1, 1, 0], 3), ["A", "B", "C"]), "B 2, A 1");
  assert.equal(numbers.inWords([0, 0], ["A", "B"]), "none");
});
