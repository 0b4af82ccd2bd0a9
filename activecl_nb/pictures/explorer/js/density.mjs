// Where dots cover each other, how many there are: a grid of counts, and how dark that is.

/** Counts on a grid of cells, each ``cell`` pixels wide, smoothed over its neighbours. */
export function densityOf(rows, places, { ox, oy, scale }, width, height, cell) {
  const [across, down] = [Math.ceil(width / cell), Math.ceil(height / cell)];
  const counts = new Float32Array(across * down);
  for (const row of rows) {
    const x = Math.floor((ox + places[2 * row] * scale) / cell);
    const y = Math.floor((oy - places[2 * row + 1] * scale) / cell);
    if (x >= 0 && y >= 0 && x < across && y < down) counts[y * across + x] += 1;
  }
  return { across, down, cell, counts: smoothed(counts, across, down) };
}

function smoothed(counts, across, down) {
  blur(counts, down, across, across, 1);
  blur(counts, across, down, 1, across);
  return counts;
}

/** Each count becomes half of itself and a quarter of its neighbours in its line. */
function blur(counts, lines, length, apart, step) {
  for (let line = 0; line < lines; line++) {
    let [at, before, here] = [line * apart, 0, counts[line * apart]];
    for (let k = 1; k <= length; k++, at += step) {
      const after = k < length ? counts[at + step] : 0;
      counts[at] = (before + 2 * here + after) / 4;
      [before, here] = [here, after];
    }
  }
}

/** How dark a cell is, 0 to 0.45: nothing where its dots fit side by side. area: of a dot. */
export function darkness(count, area, cell) {
  const cover = (count * area) / (cell * cell);
  return cover <= 1 ? 0 : Math.min(0.45, 0.13 * Math.log2(cover));
}
