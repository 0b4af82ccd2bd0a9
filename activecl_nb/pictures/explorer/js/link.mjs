// The state of the explorer as the part of an address behind #, and back.

import { MOST_PANELS } from "./layout.mjs";

/** What a link holds of the state that Python shares; beside it stands ``look``, which is the page's own. */
export const SHARED = ["round", "panels", "colour", "when", "pinned", "lasso", "strokes", "compare", "so_far",
  "nearest_half", "filter", "hand"];
const NAMES = [...SHARED, "look"];

/** "#round=2&panels=..." of a state; a part that is as it was at the start is left out. */
export function toHash(state, start = {}) {
  const parts = [];
  for (const name of NAMES) {
    const said = JSON.stringify(state[name]);
    if (said === undefined || said === JSON.stringify(start[name])) continue;
    parts.push(`${name}=${encodeURIComponent(said)}`);
  }
  return parts.length ? `#${parts.join("&")}` : "";
}

/** The state in a hash; parts that cannot be read, or that nobody knows, are left out. */
export function fromHash(hash) {
  const state = {};
  for (const [name, said] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!NAMES.includes(name)) continue;
    try {
      state[name] = JSON.parse(said);
    } catch {
      // a link cut off on its way: what is whole still counts
    }
  }
  return state;
}

/** Of a state from a link, what these runs and patches have: a foreign name would break a panel. */
export function fitting(state, patches, runs) {
  const known = (names) => Array.isArray(names) && names.every((name) => runs.names.includes(name));
  const tests = {
    panels: (names) => known(names) && names.length > 0 && names.length <= MOST_PANELS,
    compare: (names) => known(names) && (names.length === 0 || names.length === 2),
    colour: (name) => ["class", "entropy", "probability", "distance"].includes(name) || patches.fact(name),
    when: (name) => name === "before" || name === "after",
    round: Number.isInteger,
    pinned: (id) => id === -1 || patches.id.includes(id),
    hand: (ids) => Array.isArray(ids) && ids.every((id) => patches.id.includes(id)),
    lasso: Array.isArray,
    strokes: Array.isArray,
  };
  return Object.fromEntries(Object.entries(state).filter(([name, value]) => !tests[name] || tests[name](value)));
}
