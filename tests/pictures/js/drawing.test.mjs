import assert from "node:assert/strict";
import { test } from "node:test";

import { darkness, densityOf } from "../../../activecl_nb/pictures/explorer/js/density.mjs";
import { squareMark, Stack, together } from "../../../activecl_nb/pictures/explorer/js/hit.mjs";
import { arranged } from "../../../activecl_nb/pictures/explorer/js/layout.mjs";
import { mixed, put, samples } from "../../../activecl_nb/pictures/explorer/js/painter.mjs";
import { CORNERS } from "../../../activecl_nb/pictures/explorer/js/shapes.mjs";
import { State } from "../../../activecl_nb/pictures/explorer/js/state.mjs";
import { places, sentPatches, sentRuns } from "./small.mjs";

const at = { places, ox: 0, oy: 0, scale: 10 };
const dot = { reach: 3, covers: (dx, dy) => dx * dx + dy * dy <= 9 };
const ring = { reach: 6, covers: (dx, dy) => Math.abs(Math.hypot(dx, dy) - 5) < 1 };

test("of marks that cover each other, the one drawn last is meant", () => {
  const stack = new Stack(10);
  const [small, large] = [stack.kind(dot), stack.kind({ reach: 12, covers: () => true })];
  stack.push(1, small); // at 10, 0
  stack.push(0, large); // at 0, 0: drawn over 1
  assert.equal(stack.topmost(10, 0, at), 0);
  stack.push(1, small);
  assert.equal(stack.topmost(10, 0, at), 1);
  assert.equal(stack.topmost(0, 5, at), 0);
  assert.equal(stack.topmost(40, 40, at), -1);
});

test("a hollow mark is hit on its frame and its middle, and what shows between them is hit there", () => {
  const stack = new Stack(10);
  stack.push(3, stack.kind(dot)); // at 0, -10
  stack.push(0, stack.kind(together(ring, { reach: 1, covers: (dx, dy) => Math.hypot(dx, dy) < 2 })));
  assert.equal(stack.topmost(0, 0, at), 0);
  assert.equal(stack.topmost(5, 0, at), 0);
  assert.equal(stack.topmost(3, 0, at), -1);
  assert.equal(stack.topmost(0, -8, at), 3);
});

test("a small glyph of a mark is not asked beyond its reach", () => {
  const never = { reach: 1, covers: (dx, dy) => Math.abs(dx) > 1 || Math.abs(dy) > 1 };
  assert.equal(together(ring, never).covers(3, 0), false);
  assert.equal(together(ring, never).covers(5, 0), true);
});

test("beside all marks the nearest middle is meant, within reach", () => {
  const stack = new Stack(10);
  const kind = stack.kind(squareMark(2));
  for (const row of [0, 1, 2]) stack.push(row, kind);
  assert.equal(stack.nearest(6, 0, 9, at), 1);
  assert.equal(stack.nearest(6, 30, 9, at), -1);
});

test("only where dots cover each other is it darker, and more where there are more", () => {
  const rows = Array(200).fill(0);
  const { counts, across } = densityOf([...rows, 2], places, { places, ox: 10, oy: 10, scale: 10 }, 60, 30, 3);
  const cell = (x, y) => counts[Math.floor(y / 3) * across + Math.floor(x / 3)];
  assert.ok(darkness(cell(10, 10), 4, 3) > 0.3);
  assert.equal(darkness(cell(30, 10), 4, 3), 0);
  assert.ok(darkness(1000, 4, 3) <= 0.45);
});

test("the frames of picks are no shapes of classes", () => {
  assert.ok(!("circle" in CORNERS)); // what is no polygon is a circle
  assert.ok("diamond" in CORNERS && "frame" in CORNERS);
});

const model = (values) => ({ get: (name) => ({ round: 1, panels: ["a"], compare: [], colour: "class",
  when: "before", so_far: false, lasso: [], strokes: [], nearest_half: true, filter: {}, pinned: -1,
  fixed: sentPatches, runs: sentRuns, ...values })[name] });

test("the state is read from the model, and holds without a page", () => {
  const state = new State(model({ filter: { only: { class: [1] } }, round: 9, panels: ["a", "nobody"] }));
  state.hand = { on: false };
  state.readFields();
  assert.deepEqual([state.round, state.panels], [1, ["a"]]);
  assert.deepEqual(state.rowsInScope(), [3, 4, 5]);
  assert.deepEqual(state.rowsInScope([0.5, 0.5, 9, 9]), [4, 5]);
  assert.equal(state.spoken(3), "TUM, patch 13; taken by a round 1, no. 1; b round 1, no. 1");
  assert.equal(state.said(0), "2 picked, 50% TUM; so far 33%; F1 0.50.");
  assert.deepEqual(state.nearestHalfFor(0), [2, 3]);
});

test("a lasso goes before what is in view, and a filter before both", () => {
  const all = [[-1, -1], [3, -1], [3, 2], [-1, 2]];
  const state = new State(model({ lasso: all, strokes: [["take", [[1.5, -1], [3, -1], [3, 2], [1.5, 2]]]] }));
  state.hand = { on: false };
  state.readFields();
  assert.deepEqual(state.rowsInScope([0, 0, 0, 0]), [0, 1, 3, 4]);
  state.hand = { on: true, open: [1, 1, 1, 0, 0, 0], state: { round: 1 } };
  assert.deepEqual(state.selectedRows(), [0, 1]);
});

test("panels stand as their maps are largest, and never narrower than can be read", () => {
  const columns = (count, room, high, slant) => arranged(count, room, high, slant).columns;
  assert.equal(columns(2, 1376, 950, 0.7), 2);
  assert.equal(columns(4, 1376, 950, 0.7), 2); // two rows of two are larger than a row of four
  assert.equal(columns(4, 1376, 950, 1.3), 4); // but not where the map is tall
  assert.equal(columns(4, 576, 900, 0.7), 2);
  assert.equal(columns(2, 576, 900, 0.7), 1); // one above the other, and both in the window
  assert.equal(columns(2, 576, 600, 0.7), 2);
  assert.equal(columns(3, 1376, 950, 0.7), 3);
  for (const count of [1, 2, 3, 4]) assert.equal(columns(count, 396, 850, 0.7), 1);
});

test("four panels in two rows fit the window together", () => {
  for (const [room, high] of [[1376, 950], [1576, 1000], [1000, 900]]) {
    const { height, width } = arranged(4, room, high, 0.7);
    assert.ok(2 * (height + 100) < high && 2 * width < room && height >= 200, `${room}: ${height}`);
  }
});

const channels = (pixel) => [0, 8, 16, 24].map((shift) => (pixel >>> shift) & 255);
const some = (n, most) => Int32Array.from({ length: n }, (_, i) => (i * 7919 + 13) % (most + 1));

test("a glyph's pixels are mixed channel by channel, and its whole ones are put as they are", () => {
  const n = 300;
  const [fill, steps] = [some(n, 250), Int32Array.from({ length: n }, (_, i) => i)];
  const rest = fill.map((f, i) => Math.min(256 - f, (i * 31) % 257));
  const outline = fill.map((f, i) => 0xff000000 | ((255 - ((f * 255 + 255 * rest[i]) >> 8)) * 0x010101));
  const before = Int32Array.from({ length: n }, (_, i) => 0xff000000 | ((i * 654321) & 0xffffff));
  const pixels = before.slice();
  const colour = 0x40c8ff;
  put(pixels, 0, { solid: 2, plain: 4, count: n, steps, fill, rest, outline }, colour);
  for (let i = 4; i < n; i++) {
    const [of, under, edge] = [colour, before[i], outline[i]].map(channels);
    const must = [0, 1, 2].map((c) => edge[c] + ((of[c] * fill[i] + under[c] * rest[i]) >> 8));
    assert.deepEqual(channels(pixels[i]), [...must, 255], `pixel ${i}`);
  }
  assert.deepEqual([...pixels.slice(0, 2)], [0xff000000 | colour, 0xff000000 | colour]);
  assert.deepEqual([...pixels.slice(2, 4)], [...outline.slice(2, 4)]);
});

test("between two pixels of a thumbnail its colour is between theirs", () => {
  assert.deepEqual(channels(mixed(0xff0a141e | 0, 0xff6478ff | 0, 128)), [142, 70, 55, 255]);
  assert.deepEqual(channels(mixed(0xff0a141e | 0, 0xff6478ff | 0, 0)), [30, 20, 10, 255]);
  const { first, second, share } = samples(4, 8);
  assert.deepEqual([...first], [0, 0, 0, 1, 1, 2, 2, 3]);
  assert.deepEqual([...second], [0, 1, 1, 2, 2, 3, 3, 3]);
  assert.deepEqual([...share], [0, 64, 192, 64, 192, 64, 192, 0]);
});
