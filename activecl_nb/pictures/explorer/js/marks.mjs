// What is drawn on one map, from the lowest layer to the highest, and remembered for the pointer.

import { packed } from "./colours.mjs";
import { densityOf } from "./density.mjs";
import { squareMark, together } from "./hit.mjs";
import { clamp } from "./numbers.mjs";
import { glyphOf } from "./painter.mjs";

const MOST_THUMBNAILS = 800; // on all panels together: so many are drawn within a frame
const CELL = 3; // pixels of the screen, of the density shading

/** Frames shrink where there are many of them, so that they never hide everything: a factor. */
function shrunk({ app, width, height }, count) {
  const apart = app.camera.zoom * Math.sqrt((width * height) / Math.max(1, count)); // pixels
  return clamp(Math.round(apart / 2.2) / 20, 0.55, 1);
}

/** How the marks look now: their glyphs, by what they say of a patch. */
function glyphsFor({ look, theme, pointRadius, patches }, dpr, { now, past, half, hand }) {
  const r = pointRadius * dpr;
  const shapes = patches.colours[1];
  const each = (alpha, radius) => shapes.map((shape) => glyphOf(shape, radius, { alpha }));
  const hollow = !look.fill;
  const [f, g] = hollow ? [now, past] : [1, 1];
  const line = (width, f) => [[theme.paper, (width + 1.6) * f * dpr], [theme.ink, Math.max(0.9, width * f) * dpr]];
  return {
    rest: each(look.opacity, r),
    faint: each(0.35 * Math.min(1, look.opacity + 0.2), r),
    whole: each(1, r + 0.35 * dpr),
    // Outlines leave the patch itself, and what lies around it, to be seen.
    before: glyphOf("circle", r + (hollow ? 2 * g : 0.9) * dpr, { hollow, outlines: hollow
      ? [[theme.ink, Math.max(0.7, g) * dpr]] : [[theme.ink, 1.3 * dpr]] }),
    picked: [0, 1, 2, 3, 4].map((step) => glyphOf("diamond", r + ((hollow ? 2.6 : 1.2) + 0.55 * step) * f * dpr,
      { hollow, outlines: line(hollow ? 1.7 : 3.4, f) })),
    half: glyphOf("frame", r + 4.2 * half * dpr, { hollow: true, outlines: line(1.2, half) }),
    hand: glyphOf("circle", r + 5 * hand * dpr, { hollow: true,
      outlines: [[theme.paper, 4 * hand * dpr], [theme.accent, 2.4 * hand * dpr]] }),
  };
}

/** One map being drawn: where its patches are, what it is painted with, what can be pointed at. */
class Sheet {
  /** counts: how many marks of each kind there are, {now, past, half, hand}. */
  constructor(panel, s, counts = {}) {
    const { app } = panel;
    const sizes = Object.fromEntries(["now", "past", "half", "hand"].map((kind) => [kind, shrunk(panel, counts[kind] ?? 0)]));
    Object.assign(this, { panel, app, s, painter: panel.painter, stack: panel.stack, dpr: panel.dpr });
    this.at = panel.pixels();
    const { codes, css } = app.coloursFor(s);
    [this.codes, this.colours] = [codes, css.map(packed)];
    this.faintColour = packed(app.theme.faint);
    this.glyphs = glyphsFor(app, panel.dpr, sizes);
    this.shapes = app.patches.colours[1].length;
    this.stack.clear();
  }

  stamp(glyph, row, colour) {
    const { places, ox, oy, scale } = this.at;
    this.painter.stamp(glyph, ox + places[2 * row] * scale, oy - places[2 * row + 1] * scale, colour);
  }

  /** Dots of class shapes, in their colours; ``known``: whether they can be pointed at. */
  dots(rows, glyphs, { faint = false, known = true } = {}) {
    const { stack, codes, colours, faintColour } = this;
    const labels = this.app.patches.labels;
    const kinds = known ? glyphs.map((glyph) => stack.kind(glyph)) : null;
    for (const row of rows) {
      const shape = labels[row] % this.shapes;
      this.stamp(glyphs[shape], row, faint ? faintColour : colours[codes[row]]);
      if (known) stack.push(row, kinds[shape]);
    }
  }

  /** Framed marks: the frame, and the patch itself inside it (a filled frame is its colour). */
  framed(rows, frameOf) {
    const { stack, codes, colours, glyphs, app } = this;
    const kinds = new Map(); // frame -> kind by shape
    for (const row of rows) {
      const [frame, shape] = [frameOf(row), app.patches.labels[row] % this.shapes];
      const inner = glyphs.whole[shape];
      this.stamp(frame, row, colours[codes[row]]);
      if (!app.look.fill) this.stamp(inner, row, colours[codes[row]]);
      if (!kinds.has(frame)) kinds.set(frame, []);
      stack.push(row, (kinds.get(frame)[shape] ??= stack.kind(together(frame, inner))));
    }
  }

  density(rows) {
    const { app, painter, dpr } = this;
    if (!app.look.density) return;
    const { width, height } = painter.canvas;
    const cell = Math.round(CELL * dpr);
    const area = 2.6 * (app.pointRadius * dpr) ** 2;
    painter.shade(densityOf(rows, this.at.places, this.at, width, height, cell), area, app.theme.inkRgb);
  }
}

/** Rows by what happened to them, each in the order drawn. */
function layersOf(app, s) {
  const { runs, patches, round } = app;
  const [taken, order, shown] = [runs.takenBy(s), runs.orderOf(s), app.shownFor(s)];
  const layers = { faint: [], rest: [], before: [], now: [] };
  for (let i = 0; i < patches.n; i++) {
    if (!shown[i]) layers.faint.push(i);
    else if (taken[i] < round) layers.before.push(i);
    else if (taken[i] === round) layers.now.push(i);
    else layers.rest.push(i);
  }
  layers.now.sort((a, b) => order[b] - order[a]); // the first pick is drawn last, on top
  const none = patches.fact(app.colour)?.none ?? -1;
  if (none >= 0) { // what says "none" does not cover what says something
    const { codes } = app.coloursFor(s);
    layers.rest = [...layers.rest.filter((row) => codes[row] === none), ...layers.rest.filter((row) => codes[row] !== none)];
  }
  return layers;
}

/** One strategy's round. */
export function drawRound(panel, s, total) {
  const { app } = panel;
  const [layers, shown] = [layersOf(app, s), app.shownFor(s)];
  const half = app.nearestHalfFor(s).filter((row) => shown[row]);
  const sheet = new Sheet(panel, s, { now: layers.now.length, past: layers.before.length, half: half.length,
    hand: app.hand.picked.size });
  const { glyphs, painter } = sheet;
  painter.clear(app.theme.paperRgb);
  sheet.dots(layers.faint, glyphs.faint, { faint: true, known: false });
  const size = thumbnailSize(panel, sheet, [layers.rest, layers.before, layers.now]);
  if (size) {
    const { ink } = app.theme;
    const squares = new Set(half);
    drawThumbnails(sheet, size, [[layers.rest, []], [layers.before, [["circle", ink]]], [layers.now, [["diamond", ink]]]],
      (row) => squares.has(row));
  } else {
    sheet.dots(layers.rest, glyphs.rest);
    sheet.density(layers.rest);
    sheet.framed(layers.before, () => glyphs.before);
    const order = app.runs.orderOf(s);
    const early = (row) => (app.look.order ? 1 - order[row] / Math.max(1, total) : 0.5);
    sheet.framed(layers.now, (row) => glyphs.picked[Math.round(4 * early(row))]);
    for (const row of half) sheet.stamp(glyphs.half, row, 0);
    for (const row of app.hand.picked) sheet.stamp(glyphs.hand, row, 0);
  }
  painter.show();
  if (app.look.order) drawNumbers(panel, sheet, layers.now);
  return layers.now.reverse();
}

/** Where two strategies differ: an up triangle is only A's, a down triangle only B's, a star both. */
export function drawDifference(panel, [a], groups) {
  const { app, dpr } = panel;
  const count = Object.values(groups).flat().length;
  const [sheet, f] = [new Sheet(panel, a), shrunk(panel, count)];
  const { glyphs, painter } = sheet;
  const shown = app.shownFor(a);
  const picked = new Set(Object.values(groups).flat());
  const rest = [[], []];
  for (let i = 0; i < app.patches.n; i++) if (!picked.has(i)) rest[shown[i]].push(i);
  painter.clear(app.theme.paperRgb);
  sheet.dots(rest[0], glyphs.faint, { faint: true, known: false });
  const frames = groupFrames(app);
  const framed = ["both", "onlyA", "onlyB"].map((group) => [groups[group].filter((row) => shown[row]), frames[group]]);
  const size = thumbnailSize(panel, sheet, [rest[1], ...framed.map(([rows]) => rows)]);
  if (size) {
    drawThumbnails(sheet, size, [[rest[1], []], ...framed]);
    painter.show();
    return;
  }
  sheet.dots(rest[1], glyphs.faint);
  for (const [rows, marks] of framed) {
    for (const [shape, colour] of marks) {
      const frame = glyphOf(shape, (app.pointRadius + 4.4 * f) * dpr, { hollow: !app.look.fill, outlines:
        [[app.theme.paper, 4.4 * f * dpr], [colour, Math.max(1.2, 2.4 * f) * dpr]] });
      sheet.framed(rows, () => frame);
    }
  }
  painter.show();
}

/** The frames of the three groups: [shape, colour] each; both is one on the other. */
export function groupFrames(app) {
  const [a, b] = app.compareColours();
  return { onlyA: [["triangle", a]], onlyB: [["wedge", b]], both: [["triangle", app.theme.ink], ["wedge", app.theme.ink]] };
}

// --- thumbnails -----------------------------------------------------------------------------

/** Side of the thumbnails in pixels of the screen, 0 where there is no room for them. */
function thumbnailSize(panel, { at, dpr }, layers) {
  const { app } = panel;
  if (app.camera.zoom < 2 || !app.thumbnails.ready) return 0;
  const most = MOST_THUMBNAILS / app.visible.length;
  let seen = 0;
  for (const rows of layers) {
    for (const row of rows) {
      const [x, y] = [at.ox + at.places[2 * row] * at.scale, at.oy - at.places[2 * row + 1] * at.scale];
      if (x >= 0 && y >= 0 && x < panel.canvas.width && y < panel.canvas.height && ++seen > most) return 0;
    }
  }
  const room = Math.sqrt((0.6 * panel.width * panel.height) / Math.max(1, seen));
  return room < 18 ? 0 : Math.round(Math.min(64, Math.floor(room)) * dpr);
}

/** layers: [rows, [shape, colour] of the marks in their corner] each. squared: row -> whether it has a square. */
function drawThumbnails(sheet, size, layers, squared = () => false) {
  const { app, dpr, stack, painter, panel: { canvas } } = sheet;
  const { places, ox, oy, scale } = sheet.at;
  const { thumbnails, hand, theme } = app;
  const [kind, inset, frame] = [stack.kind(squareMark(size)), 9 * dpr, Math.round(2 * dpr)];
  const corner = (shape, colour, x, y) => painter.stamp(cornerMark(shape, colour, sheet), x, y, 0);
  for (const [rows, marks] of layers) {
    for (const row of rows) {
      const [x, y] = [Math.floor(ox + places[2 * row] * scale), Math.floor(oy - places[2 * row + 1] * scale)];
      if (x < -size || y < -size || x > canvas.width + size || y > canvas.height + size) continue;
      const [left, top] = [x - (size >> 1), y - (size >> 1)];
      painter.place(thumbnails.pixels(row), thumbnails.side, left, top, size, frame, sheet.colours[sheet.codes[row]]);
      stack.push(row, kind);
      for (const [shape, colour] of marks) corner(shape, colour, left + inset, top + inset);
      if (squared(row)) corner("frame", theme.ink, left + inset, top + size - inset);
      if (hand.has(row)) corner("circle", theme.accent, left + size - inset, top + inset);
    }
  }
}

/** A small mark in a thumbnail's corner, the same that frames a dot. */
const cornerMark = (shape, colour, { app, dpr }) => glyphOf(shape, 5 * dpr,
  { hollow: true, outlines: [[app.theme.paper, 5 * dpr], [colour, 2.2 * dpr]] });

function drawNumbers(panel, sheet, picks) {
  const { app, dpr } = panel;
  const order = app.runs.orderOf(sheet.s);
  const { places, ox, oy, scale } = sheet.at;
  const pen = panel.painter.pen;
  pen.font = `bold ${11 * dpr}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.lineWidth = 3 * dpr;
  for (const row of picks) {
    if (order[row] > 8) continue;
    const [x, y] = [ox + places[2 * row] * scale, oy - places[2 * row + 1] * scale - 9 * dpr];
    pen.strokeStyle = app.theme.paper;
    pen.strokeText(order[row] + 1, x, y);
    pen.fillStyle = app.theme.ink;
    pen.fillText(order[row] + 1, x, y);
  }
}
