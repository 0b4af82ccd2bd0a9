// Which patches are shown: by class or fact, by score, by who picked them and when.
//
// A filter is a plain object, every part of it optional, and filters.py reads the same:
//   only    {"class": [8], "artefact": [1, 2]}: codes that may be shown, for each colouring
//   by      a strategy that picked it, "any", or "none"
//   rounds  [first, last], when it was picked
//   score   "probability", "entropy", "distance" or a numeric fact; low, high: its range

import { NEVER, UNKNOWN } from "./patches.mjs";

export const isEmpty = (filter) =>
  !Object.values(filter.only ?? {}).some((codes) => codes.length) &&
  !filter.by && !filter.rounds && !filter.score;

/** The numbers of a score for each patch, as (row) => number. */
function scoreOf(name, patches, runs, s, slot) {
  const fact = patches.fact(name);
  if (!fact) return (row) => runs.score(name, s, slot, row);
  const step = (fact.high - fact.low) / 254;
  return (row) => (fact.values[row] === UNKNOWN ? NaN : fact.low + fact.values[row] * step);
}

/** Whether somebody took a patch in these rounds, as (row) => boolean. */
function takenWhen(filter, runs) {
  const { by, rounds } = filter;
  const [first, last] = rounds ?? [0, NEVER - 1];
  const who = by && by !== "any" && by !== "none" ? [runs.indexOf(by)] : runs.names.map((_, s) => s);
  const taken = who.filter((s) => s >= 0).map((s) => runs.takenBy(s));
  const picked = (row) => taken.some((of) => of[row] >= first && of[row] <= last);
  return by === "none" ? (row) => !picked(row) : picked;
}

/** One byte a patch: 1 where it is shown. s: whose scores count; slot: as they stood then. */
export function shownBy(filter, patches, runs, s, slot) {
  const shown = new Uint8Array(patches.n).fill(1);
  const keep = (test) => {
    for (let i = 0; i < patches.n; i++) if (shown[i] && !test(i)) shown[i] = 0;
  };
  for (const [colour, codes] of Object.entries(filter.only ?? {})) {
    if (!codes.length) continue;
    const values = colour === "class" ? patches.labels : patches.fact(colour)?.values;
    const wanted = new Set(codes);
    if (values) keep((row) => wanted.has(values[row]));
  }
  if (filter.by || filter.rounds) keep(takenWhen(filter, runs));
  if (filter.score) {
    const score = scoreOf(filter.score, patches, runs, s, slot);
    const [low, high] = [filter.low ?? -Infinity, filter.high ?? Infinity];
    keep((row) => score(row) >= low && score(row) <= high);
  }
  return shown;
}

/** The filter with one code of a colouring let in, or let go again. */
export function toggled(filter, colour, code) {
  const codes = new Set(filter.only?.[colour] ?? []);
  if (!codes.delete(code)) codes.add(code);
  const only = { ...filter.only, [colour]: Array.from(codes).sort((a, b) => a - b) };
  if (!only[colour].length) delete only[colour];
  return { ...filter, only };
}
