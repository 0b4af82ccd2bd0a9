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
  for (const [step, along] of [[1, across], [across, down]]) {
    const copy = counts.slice();
    for (let i = 0; i < counts.length; i++) {
      const place = step === 1 ? i % across : Math.floor(i / across);
      const before = place > 0 ? copy[i - step] : 0;
      const after = place + 1 < along ? copy[i + step] : 0;
      counts[i] = (before + 2 * copy[i] + after) / 4;
    }
  }
  return counts;
}

/** How dark a cell is, 0 to 0.45: nothing where its dots fit side by side. area: of a dot. */
export function darkness(count, area, cell) {
  const cover = (count * area) / (cell * cell);
  return cover <= 1 ? 0 : Math.min(0.45, 0.13 * Math.log2(cover));
}
