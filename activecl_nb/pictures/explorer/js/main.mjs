// Where the explorer begins: ``render({ model, el })`` is what anywidget calls. The standalone
// page calls the same function with a small model of its own.

import { App } from "./app.mjs";

/** A model for the standalone page: what anywidget's would be, without a Python behind it. */
function pageModel(values) {
  return {
    page: true,
    get: (name) => values[name],
    set: (name, value) => (values[name] = value),
    save_changes() {},
    send() {},
    on() {},
    off() {},
  };
}

/** The page's JSON, with its bytes as they would arrive from Python. */
function unpack(text) {
  return JSON.parse(text, (_, value) => {
    if (typeof value?.bytes !== "string") return value;
    const raw = atob(value.bytes);
    return new DataView(Uint8Array.from({ length: raw.length }, (_, i) => raw.charCodeAt(i)).buffer);
  });
}

function render({ model, el }) {
  const app = new App(model, el);
  return () => app.close();
}

export default { render, pageModel, unpack };
