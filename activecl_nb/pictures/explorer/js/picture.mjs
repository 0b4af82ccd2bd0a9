// Saving: a picture of the present view, and files.

import { make } from "./dom.mjs";

/** Let the browser save a file. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const LINE = 20; // pixels of a line of text
const MARGIN = 12;
const FONT = "13px system-ui, sans-serif";

/** A text in lines that are no wider. */
function wrapped(pen, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The legend's entries from left to right and line by line; returns how tall that is. draw: or measure only. */
function legendOn(pen, { entries }, x0, y0, width, draw) {
  let [x, y] = [x0, y0];
  for (const { sample, stops, from, to, node } of entries) {
    const text = sample ? node.textContent.trim() : to;
    const before = sample ? 20 : pen.measureText(from).width + 116;
    const wide = before + pen.measureText(text).width + 16;
    if (x + wide > x0 + width && x > x0) [x, y] = [x0, y + LINE];
    if (draw) {
      if (sample) pen.drawImage(sample, x, y - 13, 16, 16);
      else {
        const ramp = pen.createLinearGradient(x + before - 110, 0, x + before - 6, 0);
        stops.forEach((stop, i) => ramp.addColorStop(i / (stops.length - 1), stop));
        pen.fillText(from, x, y);
        const ink = pen.fillStyle;
        pen.fillStyle = ramp;
        pen.fillRect(x + before - 110, y - 10, 104, 11);
        pen.fillStyle = ink;
      }
      pen.fillText(text, x + before, y);
    }
    x += wide;
  }
  return y - y0 + LINE;
}

/** The visible maps side by side with their titles, the legend, what was picked, and the source: a canvas. */
function pictureOf(app) {
  const { visible, theme, legend } = app;
  const dpr = visible[0].dpr;
  const columns = Math.min(visible.length, 2);
  const [w, h] = [visible[0].width, visible[0].height];
  const width = MARGIN + columns * (w + MARGIN);
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.font = FONT;
  const lines = app.pictureLines().flatMap((line) => wrapped(pen, line, width - 2 * MARGIN));
  const maps = LINE * 1.6 + Math.ceil(visible.length / columns) * (h + LINE * 1.6);
  const tall = legendOn(pen, legend, MARGIN, 0, width - 2 * MARGIN, false);
  pen.canvas.width = Math.round(width * dpr); // also wipes it
  pen.canvas.height = Math.round((maps + tall + (lines.length + 1) * LINE) * dpr);
  pen.scale(dpr, dpr);
  pen.fillStyle = theme.paper;
  pen.fillRect(0, 0, width, pen.canvas.height);
  pen.fillStyle = theme.ink;
  const text = (said, x, y, bold = "") => {
    pen.font = `${bold} ${FONT}`;
    pen.fillText(said, x, y, width - x - MARGIN);
  };
  text(app.viewTitle(), MARGIN, LINE, "bold");
  visible.forEach((panel, i) => {
    const x = MARGIN + (i % columns) * (w + MARGIN);
    const y = LINE * 1.6 + Math.floor(i / columns) * (h + LINE * 1.6);
    text(panel.title(), x, y + LINE * 0.8, "bold");
    for (const layer of [panel.canvas, panel.overlay]) pen.drawImage(layer, x, y + LINE, w, h);
    pen.strokeStyle = theme.faint;
    pen.strokeRect(x, y + LINE, w, h);
  });
  pen.font = FONT;
  legendOn(pen, legend, MARGIN, maps + LINE, width - 2 * MARGIN, true);
  lines.forEach((line, i) => text(line, MARGIN, maps + tall + (i + 1) * LINE));
  return pen.canvas;
}

export async function savePicture(app, name) {
  const blob = await pictureOf(app).convertToBlob({ type: "image/png" });
  save(blob, name);
}
