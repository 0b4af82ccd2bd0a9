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

/** The visible maps side by side with their titles, the legend in words and the source: a canvas. */
export function pictureOf(app) {
  const { visible, theme } = app;
  const dpr = visible[0].dpr;
  const columns = Math.min(visible.length, 2);
  const [w, h] = [visible[0].width, visible[0].height];
  const lines = app.pictureLines();
  const width = MARGIN + columns * (w + MARGIN);
  const height = LINE * 1.6 + Math.ceil(visible.length / columns) * (h + LINE * 1.6) + (lines.length + 0.5) * LINE;
  const canvas = new OffscreenCanvas(Math.round(width * dpr), Math.round(height * dpr));
  const pen = canvas.getContext("2d");
  pen.scale(dpr, dpr);
  pen.fillStyle = theme.paper;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = theme.ink;
  const text = (said, x, y, bold = "") => {
    pen.font = `${bold} 13px system-ui, sans-serif`;
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
  lines.forEach((line, i) => text(line, MARGIN, height - (lines.length - i - 0.3) * LINE));
  return canvas;
}

export async function savePicture(app, name) {
  const blob = await pictureOf(app).convertToBlob({ type: "image/png" });
  save(blob, name);
}
