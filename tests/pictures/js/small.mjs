// Six patches, two classes, two strategies and two rounds: small enough to count by hand.

import { Patches, Runs } from "../../../activecl_nb/pictures/explorer/js/patches.mjs";

const view = (array) => new DataView(array.buffer);

export const places = [0, 0, 1, 0, 2, 0, 0, 1, 1, 1, 2, 1];

export const sentPatches = {
  n: 6, positive: 1, classes: ["STR", "TUM"], neighbours_each: 1,
  patches: view(Uint32Array.from([10, 11, 12, 13, 14, 15])),
  positions: view(Float32Array.from(places)),
  labels: view(Uint8Array.from([0, 0, 0, 1, 1, 1])),
  neighbours: view(Uint8Array.from([1, 0, 1, 4, 3, 4])),
  informative: view(Uint8Array.from([0, 1, 0, 1, 0, 0])),
  facts: [
    { name: "artefact", title: "artefact (ground truth)", kind: "names", names: ["fold", "none"], none: 1,
      low: 0, high: 1, values: view(Uint8Array.from([0, 1, 1, 1, 1, 0])) },
    { name: "difficulty", title: "how ambiguous (ground truth)", kind: "numbers", names: [], none: -1,
      low: 0, high: 1, values: view(Uint8Array.from([0, 127, 254, 255, 254, 127])) },
  ],
};
export const patches = new Patches(sentPatches);

// taken: round + 1, 0 for never. Strategy a takes 0, then 1 and 3; b takes 0, then 3 and 5.
const taken = [1, 2, 0, 2, 0, 0, 1, 0, 0, 2, 0, 2];
const order = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const unknown = Array(6).fill(255);
const logits = [...unknown, 0, 100, 126, 127, 140, 254, ...unknown, ...unknown, 10, 20, 30, 40, 50, 60, ...unknown];
const distances = [...unknown, 0, 25, 50, 75, 100, 254, ...unknown, ...unknown, 0, 1, 2, 3, 4, 5, ...unknown];

const summary = (picked, f1) => ({ picked, so_far: [2, 1], f1 });
export const sentRuns = {
  names: ["a", "b"], rounds: 2, done: [2, 2], logit_limit: 8, farthest: 10, far: 10,
  taken: view(Uint8Array.from(taken)), order: view(Uint8Array.from(order)),
  logits: view(Uint8Array.from(logits)), distances: view(Uint8Array.from(distances)),
  summaries: [[summary([1, 0], null), summary([1, 1], 0.5)], [summary([1, 0], null), summary([0, 2], 0.6)]],
  half: view(Uint8Array.from([0, 0b00110000, 0, 0b00011000])), // strategy by strategy, round by round
  overlaps: [],
};
export const runs = new Runs(sentRuns, 6);
