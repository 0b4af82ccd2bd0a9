// How panels share the room.

import { clamp } from "./numbers.mjs";

export const MOST_PANELS = 4; // at once
export const ROOMY = 480; // pixels of a map, from which on its bars and its curve stand side by side
const NARROWEST = { 2: 240, 4: 300 }; // pixels of a map, where so many stand side by side
const GAP = 12;

/**
 * So many panels in a room so wide, with a window so high: how many side by side, and the size of
 * their maps, {columns, width, height}. slant: height for width that the whole map fills best.
 *
 * Of all ways in which no row is left half empty, the one that shows the map largest; panels in
 * several rows are made to fit the window together, since they are there to be compared.
 */
export function arranged(count, room, high, slant) {
  const tallest = clamp(high * 0.62, 320, 640);
  const ways = [];
  for (let columns = count; columns >= 1; columns--) {
    const width = Math.floor((room - GAP * (columns - 1)) / columns) - 2;
    if (count % columns || (columns > 1 && width < NARROWEST[columns > 2 ? 4 : 2])) continue;
    const rows = count / columns;
    const beside = (high - 150 - GAP * (rows - 1)) / rows - (width < ROOMY ? 162 : 106); // less what is above and below a map
    const alone = columns === 1 && !ways.length; // a narrow page is scrolled
    if (columns === 1 && rows > 1 && !alone && beside < 200) continue;
    const most = rows > 1 && !alone ? clamp(beside, 200, tallest) : tallest;
    const height = Math.round(clamp(width * slant, 200, most));
    ways.push({ columns, width, height, scale: Math.min(width, height / slant) });
  }
  const { scale, ...best } = ways.reduce((a, b) => (b.scale > a.scale ? b : a));
  return best;
}
