// Elements of the page.

/** An element with properties and children. JupyterLab takes the keys of whatever is not marked. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, f] of Object.entries(value)) node.addEventListener(event, f);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value);
  }
  if (/^(BUTTON|SELECT|INPUT|SUMMARY)$/.test(node.tagName) || "tabIndex" in properties) {
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  node.append(...children);
  return node;
}

/** A button that draws with ``text`` and says ``label`` to a screen reader. */
export const button = (text, label, click) =>
  make("button", { type: "button", textContent: text, title: label, "aria-label": label, on: { click } });

/** A button that stays pressed; ``press(on)`` sets how it looks. */
export function toggleButton(text, label, click) {
  const node = button(text, label, click);
  node.press = (on) => node.setAttribute("aria-pressed", String(Boolean(on)));
  node.press(false);
  return node;
}

export function select(label, change, options = []) {
  const node = make("select", { "aria-label": label, on: { change: () => change(node.value) } });
  choices(node, options);
  return node;
}

/** Options of a select, [value, text] each; left alone where they are there already. */
export function choices(node, options) {
  const key = JSON.stringify(options);
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(...options.map(([value, text]) => make("option", { value, textContent: text })));
}

export function tick(label, title, change) {
  const input = make("input", { type: "checkbox", on: { change: () => change(input.checked) } });
  const node = make("label", { className: "ax-tick-box", title }, input, ` ${label}`);
  node.input = input;
  return node;
}

export function range(label, [min, max, step], change) {
  const input = make("input", { type: "range", "aria-label": label, className: "ax-small",
    on: { input: () => change(Number(input.value)) } });
  Object.assign(input, { min, max, step });
  return input;
}

export const field = (text, node) => make("label", { className: "ax-field" }, `${text} `, node);

/** Fill a table; cells that are there already get new text. */
export function table(node, head, lines, caption = "") {
  const texts = [...head, ...lines.flat()];
  const shape = `${head.length}x${lines.length}`;
  if (node.dataset.shape !== shape) {
    const cells = (line, tag) => make("tr", {}, ...line.map((_, i) =>
      make(tag === "td" && !i ? "th" : tag, tag === "th" ? { scope: "col" } : i ? {} : { scope: "row" })));
    node.replaceChildren(make("caption"), make("thead", {}, cells(head, "th")),
      make("tbody", {}, ...lines.map((line) => cells(line, "td"))));
    node.dataset.shape = shape;
  }
  node.caption.textContent = caption;
  node.querySelectorAll("th, td").forEach((cell, i) => {
    const text = String(texts[i]);
    if (cell.textContent !== text) cell.textContent = text;
  });
  return node;
}
