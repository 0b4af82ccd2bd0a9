// The shapes of marks. Those of classes (colours.py names them) are none of the frames that say
// what happened to a patch: a ring was chosen before, a diamond is picked in this round.

const star = (points, inner, outer) => Array.from({ length: 2 * points }, (_, i) => {
  const far = i % 2 ? inner : outer;
  return [far * Math.sin((i * Math.PI) / points), -far * Math.cos((i * Math.PI) / points)];
});
const PLUS = [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
  [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]];
const turned = (points) => points.map(([a, b]) => [Math.SQRT1_2 * (a - b), Math.SQRT1_2 * (a + b)]);

/** Corners of the shapes of radius 1; what is not here is a circle. */
export const CORNERS = {
  hexagon: Array.from({ length: 6 }, (_, i) => [1.1 * Math.cos((i * Math.PI) / 3), 1.1 * Math.sin((i * Math.PI) / 3)]),
  square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  frame: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
  diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
  triangle: [[0, -1.25], [1.2, 0.9], [-1.2, 0.9]],
  wedge: [[0, 1.25], [1.2, -0.9], [-1.2, -0.9]],
  left: [[-1.25, 0], [0.9, 1.2], [0.9, -1.2]],
  right: [[1.25, 0], [-0.9, 1.2], [-0.9, -1.2]],
  plus: PLUS,
  cross: turned(PLUS),
  star: star(5, 0.55, 1.35),
};

/** Trace sights around the middle (x, y): a ring of radius r, and four lines from it out to ``far``. */
export function sights(pen, x, y, r, far) {
  pen.beginPath();
  pen.arc(x, y, r, 0, 2 * Math.PI);
  for (const [dx, dy] of [[1, 0], [0, 1], [-1, 0], [0, -1]]) {
    pen.moveTo(x + r * dx, y + r * dy);
    pen.lineTo(x + far * dx, y + far * dy);
  }
}

/** Trace a shape of radius r around the middle (x, y). */
export function trace(pen, shape, x, y, r) {
  const corners = CORNERS[shape];
  pen.beginPath();
  if (!corners) {
    pen.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  corners.forEach(([px, py], i) => (i ? pen.lineTo(x + r * px, y + r * py) : pen.moveTo(x + r * px, y + r * py)));
  pen.closePath();
}
