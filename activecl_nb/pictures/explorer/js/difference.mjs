// Where two strategies differ: picked by both, only by the first, only by the second.

import { countsOf, meanOf } from "./numbers.mjs";

export const GROUPS = ["onlyA", "both", "onlyB"];

/** Rows of each group, for picks of one round or of all since round 1. */
export function differenceOf(runs, a, b, round, soFar) {
  const [ofA, ofB] = [a, b].map((s) => runs.picks(s, round, soFar));
  const [inA, inB] = [new Set(ofA), new Set(ofB)];
  return {
    onlyA: ofA.filter((row) => !inB.has(row)),
    both: ofA.filter((row) => inB.has(row)),
    onlyB: ofB.filter((row) => !inA.has(row)),
  };
}

/** A group in numbers: its classes, and its scores by each of the two proxies. */
export function groupFacts(rows, patches, runs, [a, b], slot) {
  const mean = (name, s) => meanOf(rows.map((row) => runs.score(name, s, slot, row)));
  const scores = {};
  for (const name of ["probability", "entropy", "distance"]) scores[name] = [mean(name, a), mean(name, b)];
  return { count: rows.length, counts: countsOf(rows, patches.labels, patches.classes.length), scores };
}

/** What a group is called on screen. */
export function groupName(group, [nameA, nameB]) {
  if (group === "both") return `${nameA} and ${nameB}`;
  return `only ${group === "onlyA" ? nameA : nameB}`;
}
