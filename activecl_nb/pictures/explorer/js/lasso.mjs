// The lasso: a polygon of map positions, and further ones that add to it or take from it.

const MOST_CORNERS = 200; // of a polygon: it is a message to Python, and part of a link

/** Whether a place is inside a polygon of [x, y] corners, by the even-odd rule. */
function insideOf(corners, x, y) {
  let odd = false;
  for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
    const [[xa, ya], [xb, yb]] = [corners[a], corners[b]];
    if (ya > y !== yb > y && x < xa + ((y - ya) * (xb - xa)) / (yb - ya)) odd = !odd;
  }
  return odd;
}

/** Rows of places (interleaved x, y) inside one polygon; none for fewer than three corners. */
export function rowsInside(corners, places) {
  const rows = [];
  if (corners.length < 3) return rows;
  for (let i = 0; 2 * i < places.length; i++) {
    if (insideOf(corners, places[2 * i], places[2 * i + 1])) rows.push(i);
  }
  return rows;
}

/** Rows of a lasso after its strokes: [["add" or "take", corners], ...] in the order drawn. */
export function selectedRows(lasso, strokes, places) {
  const rows = new Set(rowsInside(lasso, places));
  for (const [how, corners] of strokes) {
    for (const row of rowsInside(corners, places)) {
      if (how === "add") rows.add(row);
      else rows.delete(row);
    }
  }
  return Array.from(rows).sort((a, b) => a - b);
}

/** Fewer corners, with few digits; nothing for what is no area. */
export function tidied(corners) {
  const thin = Math.ceil(corners.length / MOST_CORNERS);
  const kept = corners.filter((_, i) => i % thin === 0);
  return kept.length > 2 ? kept.map((xy) => xy.map((v) => Number(v.toFixed(4)))) : [];
}
