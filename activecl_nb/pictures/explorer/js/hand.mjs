// Picking by hand: what the learner has chosen so far, and how it compares with the strategies.

import { countsOf, meanOf, thinned } from "./numbers.mjs";

/**
 * The picks after a stroke. how: "add", "take" or "new"; rows: those under the stroke; open: one
 * byte a patch, 1 where it may be picked. Of more than fit, as many as fit are taken, evenly.
 */
export function afterStroke(picks, how, rows, open, budget) {
  if (how === "take") {
    const gone = new Set(rows);
    return picks.filter((row) => !gone.has(row));
  }
  const kept = how === "new" ? [] : picks;
  const have = new Set(kept);
  const fresh = rows.filter((row) => open[row] && !have.has(row));
  return [...kept, ...thinned(fresh, budget - kept.length)];
}

/** The share of picks none of whose nearest neighbours in feature space is picked as well. */
export function spreadOf(rows, patches) {
  const picked = new Set(rows);
  return rows.filter((row) => !patches.nearestTo(row).some((near) => picked.has(near))).length;
}

/** Picks in numbers: count, classes, distance to the chosen set, spread, informative ones. */
export function picksFacts(rows, patches, runs, s, slot) {
  return {
    count: rows.length,
    counts: countsOf(rows, patches.labels, patches.classes.length),
    entropy: meanOf(rows.map((row) => runs.score("entropy", s, slot, row))),
    distance: meanOf(rows.map((row) => runs.score("distance", s, slot, row))),
    apart: spreadOf(rows, patches),
    informative: patches.informative ? rows.filter((row) => patches.informative[row]).length : null,
  };
}
