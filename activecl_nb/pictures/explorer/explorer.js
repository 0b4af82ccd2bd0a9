// The explorer in the browser: one module, no libraries, no build step, no network, Canvas 2D.
//
// `render({ model, el })` is what anywidget calls. The model holds what explorer.py sends: `fixed`
// (map, labels, neighbours, thumbnails), `runs` (picks, logits, distances, summaries), and the
// state that both sides can change (round, panels, colour, when, pinned, lasso). The standalone
// page calls the same function with a small model of its own.
//
// Read from the bottom up: `render` puts the controls together, `Panel` draws one strategy,
// `Painter` puts ten thousand glyphs on a canvas in a few milliseconds.

const NEVER = 255;
const LEVELS = 32; // steps of a colour scale
const TILES = 96; // patches in a gallery
const STEP_MS = 900; // a round, while playing
const LN2 = Math.log(2);

// --- small helpers -----------------------------------------------------------------------

/** An element with properties and children. JupyterLab takes the keys of whatever is not marked. */
function make(tag, properties = {}, ...children) {
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
const button = (text, label, click) =>
  make("button", { type: "button", textContent: text, title: label, "aria-label": label,
    on: { click } });

/** Bytes as they arrive (a DataView) as a typed array, aligned. */
function typed(view, Type) {
  return new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const percent = (x) => (Number.isFinite(x) ? `${Math.round(100 * x)}%` : "–");
const digits = (x, places = 2) => (x == null || !Number.isFinite(x) ? "–" : x.toFixed(places));

/** "#rrggbb" as [r, g, b]. */
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// Cividis (Nunez et al. 2018), dark to light, and a diverging scale whose middle is the boundary.
const SCALES = {
  numbers: ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"],
  boundary: ["#0072b2", "#7fb8d8", "#e8e4d8", "#eaa56f", "#d55e00"],
};

/** A colour of a scale, for x from 0 to 1. */
function shade(scale, x) {
  const stops = SCALES[scale];
  const at = clamp(x, 0, 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [rgb(stops[i]), rgb(stops[i + 1])];
  return `rgb(${a.map((v, c) => Math.round(v + (b[c] - v) * (at - i))).join(",")})`;
}

// --- what explorer.py sent ----------------------------------------------------------------

/** What stays: the map, the labels, the neighbours, the ground truth. */
class Patches {
  constructor(sent) {
    Object.assign(this, sent);
    this.id = typed(sent.patches, Uint32Array);
    this.xy = typed(sent.positions, Float32Array); // frames x n x 2
    this.labels = typed(sent.labels, Uint8Array);
    this.near = typed(sent.neighbours, sent.n < 65536 ? Uint16Array : Uint32Array);
    this.facts = sent.facts.map((fact) => ({
      ...fact,
      values: typed(fact.values, fact.kind === "names" ? Uint16Array : Uint8Array),
    }));
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < this.xy.length; i += 2) {
      left = Math.min(left, this.xy[i]);
      right = Math.max(right, this.xy[i]);
      low = Math.min(low, this.xy[i + 1]);
      high = Math.max(high, this.xy[i + 1]);
    }
    this.middle = [(left + right) / 2, (low + high) / 2];
    this.extent = Math.max(right - left, high - low, 1e-6);
    this.box = [left, low, right - left || 1, high - low || 1];
  }

  /** Where the patches lie in a round: interleaved x, y. */
  places(round) {
    const frame = Math.min(round, this.frames - 1);
    return this.xy.subarray(2 * this.n * frame, 2 * this.n * (frame + 1));
  }

  nearestTo(row) {
    const k = this.neighbours_each;
    return Array.from(this.near.subarray(row * k, row * k + k));
  }
}

/** What grows with the rounds. */
class Runs {
  constructor(sent, n) {
    Object.assign(this, sent);
    this.n = n;
    this.takenBytes = typed(sent.taken, Uint8Array);
    this.orders = typed(sent.order, Uint16Array);
    this.logitBytes = typed(sent.logits, Uint8Array);
    this.distanceBytes = typed(sent.distances, Uint8Array);
  }

  takenBy(s) {
    return this.takenBytes.subarray(s * this.n, (s + 1) * this.n);
  }

  orderOf(s) {
    return this.orders.subarray(s * this.n, (s + 1) * this.n);
  }

  slot(bytes, s, slot) {
    const at = (s * (this.rounds + 1) + slot) * this.n;
    return bytes.subarray(at, at + this.n);
  }

  logitsOf(s, slot) {
    return this.slot(this.logitBytes, s, slot);
  }

  distancesOf(s, slot) {
    return this.slot(this.distanceBytes, s, slot);
  }

  /** A logit, nan where there was no proxy. */
  logit(byte) {
    return byte === NEVER ? NaN : (byte / 254) * 2 * this.logit_limit - this.logit_limit;
  }

  distance(byte) {
    return byte === NEVER ? NaN : (byte / 254) * this.farthest;
  }
}

function entropyOf(logit) {
  const a = Math.abs(logit);
  return Math.log1p(Math.exp(-a)) + (a * Math.exp(-a)) / (1 + Math.exp(-a));
}

const probabilityOf = (logit) => 1 / (1 + Math.exp(-logit));

// --- drawing ------------------------------------------------------------------------------

/** Trace a shape of radius r around the middle (x, y). */
function trace(pen, shape, x, y, r) {
  const polygon = (points) => {
    points.forEach(([px, py], i) => (i ? pen.lineTo(x + r * px, y + r * py) : pen.moveTo(x + r * px, y + r * py)));
    pen.closePath();
  };
  pen.beginPath();
  if (shape === "square") polygon([[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]]);
  else if (shape === "diamond") polygon([[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]]);
  else if (shape === "triangle") polygon([[0, -1.25], [1.2, 0.9], [-1.2, 0.9]]);
  else if (shape === "wedge") polygon([[0, 1.25], [1.2, -0.9], [-1.2, -0.9]]);
  else if (shape === "left") polygon([[-1.25, 0], [0.9, 1.2], [0.9, -1.2]]);
  else if (shape === "plus" || shape === "cross") {
    const arm = [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
      [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]];
    const turn = shape === "cross" ? Math.SQRT1_2 : 0;
    polygon(turn ? arm.map(([a, b]) => [turn * (a - b), turn * (a + b)]) : arm);
  } else if (shape === "star") {
    polygon(Array.from({ length: 10 }, (_, i) => {
      const far = i % 2 ? 0.55 : 1.35;
      return [far * Math.sin((i * Math.PI) / 5), -far * Math.cos((i * Math.PI) / 5)];
    }));
  } else pen.arc(x, y, r, 0, 2 * Math.PI);
}

/**
 * Puts small glyphs on a canvas, pixel by pixel.
 *
 * A canvas draws some hundred thousand shapes a second; four panels of ten thousand patches need
 * that many at once. So each glyph is drawn once, and its pixels are then copied by hand.
 */
class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  /** Start with an empty sheet of the colour [r, g, b]. */
  clear([r, g, b]) {
    const { width, height } = this.canvas;
    if (this.sheet?.width !== width || this.sheet?.height !== height) {
      this.sheet = new ImageData(width, height);
      this.pixels = new Uint32Array(this.sheet.data.buffer);
    }
    this.pixels.fill((255 << 24) | (b << 16) | (g << 8) | r);
  }

  /** Put a glyph, filled with the colour 0xbbggrr, around the pixel nearest to (x, y). */
  stamp(glyph, x, y, colour) {
    const { width, height } = this.sheet;
    const { reach, count, dx, dy, fill, rest, edge, outline } = glyph;
    x = Math.round(x);
    y = Math.round(y);
    if (x < -reach || y < -reach || x >= width + reach || y >= height + reach) return;
    const inside = x >= reach && y >= reach && x < width - reach && y < height - reach;
    if (glyph.width !== width) {
      glyph.width = width;
      glyph.steps = Int32Array.from(dx, (across, i) => dy[i] * width + across);
    }
    const steps = glyph.steps;
    const pixels = this.pixels;
    const solid = 0xff000000 | colour;
    const [r, g, b] = [colour & 255, (colour >> 8) & 255, colour >> 16];
    const middle = y * width + x;
    for (let i = 0; i < count; i++) {
      if (!inside) {
        const [px, py] = [x + dx[i], y + dy[i]];
        if (px < 0 || py < 0 || px >= width || py >= height) continue;
      }
      const at = middle + steps[i];
      const f = fill[i];
      const u = rest[i];
      if (f > 252) pixels[at] = solid;
      else if (u + f < 3) pixels[at] = outline[i];
      else {
        const under = pixels[at];
        const red = edge[3 * i] + ((r * f + (under & 255) * u) >> 8);
        const green = edge[3 * i + 1] + ((g * f + ((under >> 8) & 255) * u) >> 8);
        const blue = edge[3 * i + 2] + ((b * f + ((under >> 16) & 255) * u) >> 8);
        pixels[at] = 0xff000000 | (blue << 16) | (green << 8) | red;
      }
    }
  }

  show() {
    this.pen.putImageData(this.sheet, 0, 0);
  }
}

const glyphs = new Map();
let studio = null;

/**
 * A glyph of any fill colour: for each of its pixels, how much of it is fill, how much shows what
 * is under it, and what its outlines add. outlines: [colour, width] pairs, the outermost first.
 */
function glyphOf(shape, r, alpha = 1, outlines = []) {
  const key = `${shape}|${r}|${alpha}|${outlines}`;
  if (glyphs.has(key)) return glyphs.get(key);
  studio ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const reach = Math.ceil(r * 1.4 + Math.max(0, ...outlines.map(([, width]) => width / 2)) + 1);
  const size = 2 * reach + 1;
  const drawn = (colour) => {
    studio.canvas.width = studio.canvas.height = size; // also wipes it
    studio.lineJoin = "round";
    trace(studio, shape, reach + 0.5, reach + 0.5, r);
    for (const [line, width] of outlines) {
      [studio.strokeStyle, studio.lineWidth] = [line, width];
      studio.stroke();
    }
    studio.fillStyle = colour;
    studio.fill();
    return studio.getImageData(0, 0, size, size).data;
  };
  const [black, white] = [drawn("#000"), drawn("#fff")];
  const [dx, dy, fill, rest, edge] = [[], [], [], [], []];
  for (let i = 0; i < size * size; i++) {
    const cover = black[4 * i + 3] / 255;
    if (cover < 0.03) continue;
    dx.push((i % size) - reach);
    dy.push(Math.floor(i / size) - reach);
    // What changes with the fill is fill; what stays is outline.
    fill.push(Math.round((white[4 * i + 1] - black[4 * i + 1]) * cover * alpha));
    rest.push(Math.round(256 * (1 - cover * alpha)));
    for (let c = 0; c < 3; c++) edge.push(Math.floor(black[4 * i + c] * cover * alpha * 0.996));
  }
  const found = { reach, count: dx.length, dx: Int16Array.from(dx), dy: Int16Array.from(dy),
    fill: Uint8Array.from(fill), rest: Uint16Array.from(rest), edge: Uint8Array.from(edge),
    outline: Uint32Array.from(dx, (_, i) =>
      0xff000000 | (edge[3 * i + 2] << 16) | (edge[3 * i + 1] << 8) | edge[3 * i]) };
  if (glyphs.size > 2000) glyphs.clear();
  glyphs.set(key, found);
  return found;
}

/** "#rrggbb" or "rgb(r,g,b)" as the number 0xbbggrr. */
function packed(colour) {
  const [r, g, b] = colour[0] === "#" ? rgb(colour) : colour.match(/\d+/g).map(Number);
  return (b << 16) | (g << 8) | r;
}

/** Line segments along which smoothed logits are zero, in map positions: the decision boundary. */
function boundary(patches, places, logits) {
  const side = 48;
  const [sum, weight] = [new Float64Array(side * side), new Float64Array(side * side)];
  const [left, low, width, height] = patches.box;
  const cell = (x, from, length) => clamp(Math.floor(((x - from) / length) * side), 0, side - 1);
  for (let i = 0; i < patches.n; i++) {
    if (logits[i] === NEVER) return [];
    const at = cell(places[2 * i + 1], low, height) * side + cell(places[2 * i], left, width);
    sum[at] += logits[i] - 127;
    weight[at] += 1;
  }
  const kernel = [1, 4, 6, 4, 1];
  const blur = (grid) => {
    for (const step of [1, side]) {
      const copy = grid.slice();
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const along = step === 1 ? x : y;
          let total = 0;
          for (let k = -2; k <= 2; k++) {
            if (along + k >= 0 && along + k < side) total += kernel[k + 2] * copy[y * side + x + k * step];
          }
          grid[y * side + x] = total / 16;
        }
      }
    }
  };
  blur(sum);
  blur(weight);
  const lines = [];
  const at = (x, y) => [left + ((x + 0.5) / side) * width, low + ((y + 0.5) / side) * height];
  for (let y = 0; y + 1 < side; y++) {
    for (let x = 0; x + 1 < side; x++) {
      const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]];
      if (corners.some(([a, b]) => weight[b * side + a] < 0.05)) continue; // nobody lives there
      const crossed = [];
      corners.forEach(([a, b], i) => {
        const [c, d] = corners[(i + 1) % 4];
        const [u, v] = [sum[b * side + a], sum[d * side + c]];
        if (u < 0 !== v < 0) crossed.push(at(a + ((c - a) * u) / (u - v), b + ((d - b) * u) / (u - v)));
      });
      for (let i = 0; i + 1 < crossed.length; i += 2) lines.push([crossed[i], crossed[i + 1]]);
    }
  }
  return lines;
}

/** Patches side by side on one canvas; arrow keys move along them, Enter or a click pins. */
class Tiles {
  constructor(app, label, size) {
    this.app = app;
    this.label = label;
    this.size = size;
    this.rows = [];
    this.at = 0;
    this.canvas = make("canvas", {
      className: "ax-tiles", tabIndex: 0, role: "application", "aria-label": label,
      on: {
        click: (event) => this.pin(this.find(event)),
        pointermove: (event) => app.hover(this.find(event), null),
        pointerleave: () => app.hover(-1, null),
        keydown: (event) => this.key(event),
        focus: () => this.move(0),
        blur: () => this.draw(),
      },
    });
    this.canvas.hidden = true;
  }

  find(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.size);
    const line = Math.floor((event.clientY - box.top) / this.size);
    return column < this.columns ? (this.rows[line * this.columns + column] ?? -1) : -1;
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === "Enter") this.pin(this.rows[this.at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(step) {
    this.at = clamp(this.at + step, 0, Math.max(0, this.rows.length - 1));
    const row = this.rows[this.at];
    if (row === undefined) return;
    this.canvas.setAttribute("aria-label", `${this.label}: ${this.app.spoken(row)}`);
    this.app.hover(row, null);
    this.draw();
  }

  pin(row) {
    if (row !== undefined && row >= 0) this.app.pin(row);
  }

  show(rows) {
    this.rows = rows;
    this.at = 0;
    this.canvas.hidden = !rows.length;
    this.canvas.dataset.rows = rows.length;
    this.canvas.setAttribute("aria-label", `${this.label}: ${rows.length} patches`);
    this.draw();
  }

  draw() {
    const { rows, size, canvas, app } = this;
    if (!rows.length || !app.sheet || !canvas.parentElement.clientWidth) return;
    const room = canvas.parentElement.clientWidth - 16; // less its padding
    this.columns = clamp(Math.floor(room / size), 1, rows.length);
    const dpr = window.devicePixelRatio || 1;
    canvas.style.width = `${this.columns * size}px`;
    canvas.style.height = `${Math.ceil(rows.length / this.columns) * size}px`;
    canvas.width = Math.round(this.columns * size * dpr);
    canvas.height = Math.round(Math.ceil(rows.length / this.columns) * size * dpr);
    const pen = canvas.getContext("2d");
    pen.scale(dpr, dpr);
    rows.forEach((row, i) => {
      const [x, y] = [(i % this.columns) * size, Math.floor(i / this.columns) * size];
      app.thumbnail(pen, row, x + 1, y + 1, size - 2);
      if (i === this.at && document.activeElement === canvas) {
        pen.strokeStyle = app.theme.ink;
        pen.lineWidth = 3;
        pen.strokeRect(x + 1.5, y + 1.5, size - 3, size - 3);
      }
    });
  }
}

// --- one strategy -------------------------------------------------------------------------

class Panel {
  constructor(app, place) {
    this.app = app;
    this.place = place;
    this.choice = make("select", {
      "aria-label": `Strategy of panel ${place + 1}`,
      on: { change: () => app.showStrategy(place, this.choice.value) },
    });
    this.caption = make("span", { className: "ax-caption" });
    this.canvas = make("canvas", { className: "ax-map" });
    this.overlay = make("canvas", {
      className: "ax-map ax-overlay", tabIndex: 0, role: "application",
      "aria-roledescription": "map of patches", "aria-describedby": app.helpId,
      on: {
        pointerdown: (event) => this.down(event),
        pointermove: (event) => this.moved(event),
        pointerup: (event) => this.up(event),
        pointercancel: () => this.cancel(),
        pointerleave: () => app.hover(-1, null),
        wheel: (event) => this.wheel(event),
        dblclick: () => app.resetZoom(),
        keydown: (event) => this.key(event),
      },
    });
    this.stage = make("div", { className: "ax-stage" }, this.canvas, this.overlay);
    this.bars = [app.bar("this round"), app.bar("so far")];
    this.curve = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.curve.classList.add("ax-curve");
    this.curve.setAttribute("role", "img");
    this.node = make("section", { className: "ax-panel", "aria-label": `Panel ${place + 1}` },
      make("div", { className: "ax-head" }, this.choice, this.caption),
      this.stage, make("div", { className: "ax-bars" }, ...this.bars), this.curve);
    this.painter = new Painter(this.canvas);
    this.cursor = -1; // where the keyboard is among this round's picks
  }

  get strategy() {
    return this.app.runs.names.indexOf(this.app.panels[this.place]);
  }

  resize(width, height) {
    const dpr = window.devicePixelRatio || 1;
    this.stage.style.height = `${height}px`;
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = Math.round(width * dpr);
      canvas.height = Math.round(height * dpr);
    }
    [this.width, this.height, this.dpr] = [width, height, dpr];
    this.overlayEmpty = false;
  }

  /** Map positions to pixels of the screen and back. */
  get scale() {
    return (0.92 * Math.min(this.width, this.height) * this.app.zoom) / this.app.patches.extent;
  }

  toScreen(x, y) {
    const [cx, cy] = this.app.centre;
    return [this.width / 2 + (x - cx) * this.scale, this.height / 2 - (y - cy) * this.scale];
  }

  toMap(x, y) {
    const [cx, cy] = this.app.centre;
    return [cx + (x - this.width / 2) / this.scale, cy - (y - this.height / 2) / this.scale];
  }

  draw() {
    const { app } = this;
    const { runs, round } = app;
    const s = this.strategy;
    if (s < 0 || !this.width) return;
    const total = runs.summaries[s][round].picked.reduce((a, b) => a + b, 0);
    // Most changes leave most panels as they are.
    const seen = [s, round, app.colour, app.slot, app.zoom, app.centre, this.width, this.height,
      this.dpr, app.theme.paper, [...app.highlighted], app.showOrder, app.showBoundary, app.version].join();
    if (seen !== this.seen) {
      this.seen = seen;
      this.drawMap(s, Math.max(1, total));
      this.drawFacts(s, total);
    }
    this.drawOverlay();
  }

  drawMap(s, total) {
    const { app, painter, dpr } = this;
    const { patches, runs, theme, round } = app;
    const [taken, order] = [runs.takenBy(s), runs.orderOf(s)];
    const { codes, colours } = app.coloursFor(s);
    const places = patches.places(round);
    const [cx, cy] = app.centre;
    const scale = this.scale * dpr;
    const [ox, oy] = [(this.width / 2) * dpr - cx * scale, (this.height / 2) * dpr + cy * scale];
    const r = app.pointRadius * dpr;
    const faintColour = packed(theme.faint);
    const put = (glyph, i, colour) =>
      painter.stamp(glyph, ox + places[2 * i] * scale, oy - places[2 * i + 1] * scale, colour);
    const shapes = patches.colours[1];
    const [rest, pale] = [0.6, 0.35].map((alpha) => shapes.map((shape) => glyphOf(shape, r, alpha)));
    const chosen = [1, 0.5].map((alpha) => glyphOf("circle", r + 0.9 * dpr, alpha, [[theme.ink, 1.3 * dpr]]));
    const picked = [0, 1, 2, 3, 4].map((step) => glyphOf("diamond", r + (1.2 + 0.55 * step) * dpr, 1,
      [[theme.paper, 5.4 * dpr], [theme.ink, 3.4 * dpr]]));
    painter.clear(theme.paperRgb);
    const some = app.highlighted.size > 0; // some classes are shown, the others faint
    const [before, now] = [[], []];
    for (let i = 0; i < patches.n; i++) {
      if (taken[i] < round) before.push(i);
      else if (taken[i] === round) now.push(i);
      else {
        const shape = patches.labels[i] % shapes.length;
        if (some && app.faint(i)) put(pale[shape], i, faintColour);
        else put(rest[shape], i, colours[codes[i]]);
      }
    }
    for (const i of before) {
      if (some && app.faint(i)) put(chosen[1], i, faintColour);
      else put(chosen[0], i, colours[codes[i]]);
    }
    now.sort((a, b) => order[b] - order[a]); // the first pick is drawn last, on top
    for (const i of now) {
      const early = app.showOrder ? 1 - order[i] / total : 0.5;
      put(picked[Math.round(4 * early)], i, (some && app.faint(i)) ? faintColour : colours[codes[i]]);
    }
    painter.show();
    if (app.showBoundary) this.drawBoundary(places, s);
    if (app.showOrder) this.drawNumbers(places, now, order);
    this.picks = now.reverse();
  }

  drawBoundary(places, s) {
    const { app, dpr } = this;
    const lines = boundary(app.patches, places, app.runs.logitsOf(s, app.slot));
    const pen = this.painter.pen;
    pen.lineWidth = 2.5 * dpr;
    for (const [colour, dash] of [[app.theme.paper, []], [app.theme.ink, [6 * dpr, 4 * dpr]]]) {
      pen.strokeStyle = colour;
      pen.setLineDash(dash);
      pen.beginPath();
      for (const [[x0, y0], [x1, y1]] of lines) {
        const [a, b] = [this.toScreen(x0, y0), this.toScreen(x1, y1)];
        pen.moveTo(a[0] * dpr, a[1] * dpr);
        pen.lineTo(b[0] * dpr, b[1] * dpr);
      }
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  drawNumbers(places, picks, order) {
    const { theme } = this.app;
    const pen = this.painter.pen;
    pen.font = `bold ${11 * this.dpr}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.lineWidth = 3 * this.dpr;
    for (const i of picks) {
      if (order[i] > 8) continue;
      const [x, y] = this.toScreen(places[2 * i], places[2 * i + 1]);
      pen.strokeStyle = theme.paper;
      pen.strokeText(order[i] + 1, x * this.dpr, (y - 9) * this.dpr);
      pen.fillStyle = theme.ink;
      pen.fillText(order[i] + 1, x * this.dpr, (y - 9) * this.dpr);
    }
  }

  /** Rings around the hovered and the pinned patch and its neighbours, and the lasso. */
  drawOverlay() {
    const { app, overlay, dpr } = this;
    const empty = app.hovered < 0 && app.pinnedRow < 0 && !app.lasso.length && !app.drawing;
    if (empty && this.overlayEmpty) return; // a canvas that is left alone costs nothing
    this.overlayEmpty = empty;
    const pen = overlay.getContext("2d");
    pen.setTransform(dpr, 0, 0, dpr, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const places = app.patches.places(app.round);
    const ring = (row, r, width, dash = []) => {
      const [x, y] = this.toScreen(places[2 * row], places[2 * row + 1]);
      for (const [colour, line] of [[app.theme.paper, width + 1.4], [app.theme.ink, width]]) {
        pen.beginPath();
        pen.setLineDash(colour === app.theme.ink ? dash : []);
        pen.strokeStyle = colour;
        pen.lineWidth = line;
        pen.arc(x, y, r, 0, 2 * Math.PI);
        pen.stroke();
      }
      pen.setLineDash([]);
    };
    if (app.pinnedRow >= 0) {
      for (const row of app.patches.nearestTo(app.pinnedRow)) ring(row, 5, 1.4, [2, 1.5]);
      ring(app.pinnedRow, 10, 2.5);
    }
    if (app.hovered >= 0) ring(app.hovered, 8, 2);
    const corners = app.drawing ?? app.lasso;
    if (corners.length > 1) {
      pen.beginPath();
      corners.forEach(([x, y], i) => (i ? pen.lineTo(...this.toScreen(x, y)) : pen.moveTo(...this.toScreen(x, y))));
      pen.closePath();
      pen.fillStyle = app.theme.ink;
      pen.globalAlpha = 0.05;
      pen.fill();
      pen.globalAlpha = 1;
      pen.strokeStyle = app.theme.ink;
      pen.setLineDash([5, 3]);
      pen.lineWidth = 1.5;
      pen.stroke();
      pen.setLineDash([]);
    }
  }

  /** Composition bars, the F1 curve, the caption. */
  drawFacts(s, total) {
    const { app } = this;
    const { patches, runs, round } = app;
    const summary = runs.summaries[s][round];
    const run = round < runs.done[s];
    const onMap = this.picks.length;
    const sampled = run && onMap < total ? ` (${onMap} of them on the map)` : "";
    this.caption.textContent = run ? `${total} picked${sampled}` : "not run yet";
    this.node.dataset.strategy = runs.names[s];
    this.node.dataset.picked = onMap;
    this.node.dataset.round = round;
    this.overlay.setAttribute("aria-label",
      `${runs.names[s]}, round ${round}: ${run ? app.said(s) : "not run yet"}`);
    app.fillBar(this.bars[0], summary.picked);
    app.fillBar(this.bars[1], summary.so_far);
    this.drawCurve(s, summary);
  }

  drawCurve(s, { f1 }) {
    const { runs, round, f1Range, version } = this.app;
    const [low, high] = f1Range;
    const [w, h, left, right] = [260, 54, 30, 74];
    const x = (t) => left + (runs.rounds > 1 ? t / (runs.rounds - 1) : 0.5) * (w - left - right);
    const y = (f) => h - 8 - ((f - low) / (high - low)) * (h - 16);
    if (this.curveOf !== `${s}|${version}`) {
      this.curveOf = `${s}|${version}`;
      const path = (q) => runs.summaries[q]
        .map((o, t) => [t, o.f1]).filter(([, f]) => f != null)
        .map(([t, f], i) => `${i ? "L" : "M"}${x(t).toFixed(1)},${y(f).toFixed(1)}`).join("");
      const others = runs.names.map((_, q) => (q === s ? "" : path(q))).join("");
      this.curve.setAttribute("viewBox", `0 0 ${w} ${h}`);
      this.curve.style.setProperty("--ax-own", runs.colours[s]);
      this.curve.innerHTML =
        `<path class="ax-axis" d="M${left},8V${h - 8}H${w - right}"/>` +
        `<text x="${left - 4}" y="12" class="ax-tick">${high.toFixed(2)}</text>` +
        `<text x="${left - 4}" y="${h - 6}" class="ax-tick">${low.toFixed(2)}</text>` +
        `<path class="ax-other" d="${others || "M0,0"}"/><path class="ax-own" d="${path(s) || "M0,0"}"/>` +
        `<path class="ax-marker"/><text x="${w - right + 10}" y="${h / 2 + 5}" class="ax-f1"></text>`;
    }
    this.curve.setAttribute("aria-label", `F1 by round; in round ${round} it is ${digits(f1)}`);
    this.curve.querySelector(".ax-marker").setAttribute("d",
      f1 == null ? "" : `M${x(round)},${y(f1) - 6}l6,6l-6,6l-6,-6z`);
    this.curve.querySelector(".ax-f1").textContent = `F1 ${digits(f1)}`;
  }

  // the mouse, the pen, the finger

  at(event) {
    const box = this.overlay.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** The patch nearest to a place on the screen, -1 if none is within ``reach`` pixels. */
  nearest([x, y], reach = 14) {
    const { patches, round } = this.app;
    const places = patches.places(round);
    const [mx, my] = this.toMap(x, y);
    let [best, row] = [(reach / this.scale) ** 2, -1];
    for (let i = 0; i < patches.n; i++) {
      const [dx, dy] = [places[2 * i] - mx, places[2 * i + 1] - my];
      const d = dx * dx + dy * dy;
      if (d < best) [best, row] = [d, i];
    }
    return row;
  }

  down(event) {
    if (event.button) return;
    this.overlay.setPointerCapture(event.pointerId);
    this.start = this.at(event);
    this.from = this.app.centre;
    this.dragged = false;
    this.lassoing = this.app.lassoMode || event.shiftKey;
    if (this.lassoing) this.app.drawing = [this.toMap(...this.start)];
  }

  moved(event) {
    const here = this.at(event);
    if (!this.start) {
      this.app.hover(this.nearest(here), this);
      return;
    }
    const [dx, dy] = [here[0] - this.start[0], here[1] - this.start[1]];
    if (Math.hypot(dx, dy) > 4) this.dragged = true;
    if (!this.dragged) return;
    if (this.lassoing) {
      this.app.drawing.push(this.toMap(...here));
      this.app.overlays();
    } else {
      this.app.centre = [this.from[0] - dx / this.scale, this.from[1] + dy / this.scale];
      this.app.redraw();
    }
  }

  up(event) {
    if (!this.start) return;
    const [here, lassoed] = [this.at(event), this.lassoing && this.dragged];
    const corners = this.app.drawing;
    this.start = null;
    this.app.drawing = null;
    if (lassoed) this.app.select(corners);
    else if (!this.dragged) this.app.pin(this.nearest(here));
  }

  cancel() {
    this.start = null;
    this.app.drawing = null;
    this.app.overlays();
  }

  /** The wheel belongs to the page until the map has been chosen by a click or the Tab key. */
  wheel(event) {
    if (!event.ctrlKey && document.activeElement !== this.overlay) return;
    event.preventDefault();
    this.app.zoomBy(Math.exp(-event.deltaY * 0.002), this.toMap(...this.at(event)));
  }

  key(event) {
    const { app } = this;
    const pan = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.shiftKey && event.key in pan) app.panBy(...pan[event.key], this);
    else if (event.key === "+" || event.key === "=") app.zoomBy(1.4);
    else if (event.key === "-") app.zoomBy(1 / 1.4);
    else if (event.key === "0") app.resetZoom();
    else if (event.key === "." || event.key === ",") this.toPick(event.key === "." ? 1 : -1);
    else if (event.key === "Enter" && app.hovered >= 0) app.pin(app.hovered);
    else if (event.key === "l") app.selectView(this);
    else return; // the arrows without Shift, Home, End and Escape belong to the whole explorer
    event.preventDefault();
    event.stopPropagation();
  }

  /** To the next or the previous pick of this round, in the order picked. */
  toPick(step) {
    if (!this.picks?.length) return;
    this.cursor = (this.cursor + step + this.picks.length) % this.picks.length;
    const row = this.picks[this.cursor];
    this.app.hover(row, this);
    this.app.say(`Pick ${this.cursor + 1}: ${this.app.spoken(row)}`);
  }
}

// --- everything together --------------------------------------------------------------------

class App {
  constructor(model, el) {
    this.model = model;
    this.helpId = `ax-${Math.random().toString(36).slice(2)}`;
    this.patches = new Patches(model.get("fixed"));
    this.zoom = 1;
    this.centre = this.patches.middle;
    this.hovered = -1;
    this.highlighted = new Set();
    this.build(el);
    this.readRuns();
    this.readState();
    this.loadThumbnails();
    this.listen();
  }

  // --- what is on the page

  build(el) {
    const select = (label, change, options) => {
      const node = make("select", { "aria-label": label, on: { change } });
      node.append(...options.map(([value, text]) => make("option", { value, textContent: text })));
      return node;
    };
    const tick = (label, title, change) => {
      const input = make("input", { type: "checkbox", on: { change: () => change(input.checked) } });
      return make("label", { className: "ax-tick-box", title }, input, ` ${label}`);
    };
    const { patches } = this;
    const colourings = [["class", "class"], ["entropy", "entropy of the proxy"],
      ["probability", `p(${patches.classes[patches.positive]}) of the proxy`],
      ["distance", "distance to the chosen set"],
      ...patches.facts.map((fact) => [fact.name, fact.title])];
    this.play = button("▶ Play", "Play the rounds", () => this.toggle());
    this.back = button("◀", "Previous round", () => this.go(this.round - 1));
    this.on = button("▶", "Next round", () => this.go(this.round + 1));
    this.slider = make("input", { type: "range", min: 0, step: 1, className: "ax-slider",
      "aria-label": "Round", on: { input: () => this.go(Number(this.slider.value)) } });
    this.roundText = make("span", { className: "ax-round" });
    this.countBox = select("Number of panels", () => this.showCount(Number(this.countBox.value)), []);
    this.colourBox = select("Colour by", () => this.set("colour", this.colourBox.value), colourings);
    this.whenBox = select("Proxy and distances as they stood",
      () => this.set("when", this.whenBox.value),
      [["before", "before the pick"], ["after", "after the round"]]);
    this.lassoButton = button("Lasso", "Lasso: draw around patches to see them", () => {
      this.lassoMode = !this.lassoMode;
      this.lassoButton.setAttribute("aria-pressed", this.lassoMode);
      this.root.classList.toggle("ax-lassoing", this.lassoMode);
    });
    this.lassoButton.setAttribute("aria-pressed", "false");
    const field = (text, node) => make("label", { className: "ax-field" }, `${text} `, node);
    const bar = make("div", { className: "ax-toolbar", role: "group", "aria-label": "Explorer controls" },
      make("div", { className: "ax-group ax-rounds" }, this.play, this.back, this.slider, this.on, this.roundText),
      make("div", { className: "ax-group" },
        field("Panels", this.countBox), field("Colour by", this.colourBox), field("as it stood", this.whenBox)),
      make("div", { className: "ax-group" },
        tick("pick order", "Number the first picks and draw earlier ones larger",
          (on) => this.option("showOrder", on)),
        tick("boundary", "Draw where the proxy's p is one half, smoothed over the map",
          (on) => this.option("showBoundary", on)),
        this.lassoButton,
        button("Select view", "Select view: all patches that are in view", () => this.selectView(this.shown[0])),
        button("+", "Zoom in", () => this.zoomBy(1.4)),
        button("−", "Zoom out", () => this.zoomBy(1 / 1.4)),
        button("Reset", "Reset: show the whole map", () => this.resetZoom())));
    this.legend = make("div", { className: "ax-legend", role: "group", "aria-label": "Legend" });
    this.grid = make("div", { className: "ax-grid" });
    this.status = make("div", { className: "ax-hidden", role: "status", "aria-live": "polite" });
    this.side = this.buildSide();
    this.table = make("table", { className: "ax-table" });
    this.overlapTable = make("table", { className: "ax-table" });
    this.details = make("details", {
      className: "ax-details", on: { toggle: () => this.drawTables() } },
      make("summary", { textContent: "The same in a table; how much the picks overlap" }),
      make("div", { className: "ax-scroll" }, this.table, this.overlapTable));
    // A closed <details> is silent, so a screen reader finds the table a second time, here.
    this.spokenTable = make("table");
    this.root = make("div", { className: "ax", on: { keydown: (event) => this.key(event) } },
      make("style", { textContent: STYLE }),
      bar, this.legend,
      make("div", { className: "ax-body" }, this.grid, this.side),
      this.details,
      make("div", { className: "ax-hidden" }, this.spokenTable),
      this.status,
      make("p", { className: "ax-help", id: this.helpId, textContent: HELP }),
      make("p", { className: "ax-help", textContent: `Source: ${patches.source}` +
        (patches.n < patches.pool ? `; the map shows ${patches.n.toLocaleString("en")} of the pool's ` +
          `${patches.pool.toLocaleString("en")} patches, counts are of all picks` : "") }));
    el.replaceChildren(this.root);
    this.shown = [];
    this.resizing = new ResizeObserver(() => this.layout());
    this.resizing.observe(this.root);
  }

  buildSide() {
    this.card = make("canvas", { className: "ax-card", width: 10, height: 10, role: "img" });
    this.cardTitle = make("strong");
    this.cardFacts = make("div", { className: "ax-facts" });
    this.unpin = button("Unpin", "Unpin the patch", () => this.pin(-1));
    this.clear = button("Clear", "Clear the lasso", () => this.select([]));
    this.near = new Tiles(this, "Nearest neighbours in feature space", 52);
    this.gallery = new Tiles(this, "Patches inside the lasso", 40);
    this.galleryText = make("div");
    this.nearBox = make("div", { className: "ax-box" },
      make("h4", { textContent: "Nearest in feature space" }), this.near.canvas, this.unpin);
    this.galleryBox = make("div", { className: "ax-box" },
      make("h4", { textContent: "Inside the lasso" }), this.galleryText, this.gallery.canvas, this.clear);
    return make("aside", { className: "ax-side", "aria-label": "Patches" },
      make("div", { className: "ax-box ax-patch" }, this.card,
        make("div", {}, this.cardTitle, this.cardFacts)),
      this.nearBox, this.galleryBox);
  }

  loadThumbnails() {
    const sprite = this.model.get("fixed").sprite;
    const image = new Image();
    image.onload = () => {
      this.sheet = image;
      URL.revokeObjectURL(image.src);
      this.root.dataset.thumbnails = "ready";
      this.drawSide();
    };
    image.onerror = () => this.say("The thumbnails could not be read");
    image.src = URL.createObjectURL(new Blob([sprite], { type: "image/jpeg" }));
  }

  listen() {
    const changed = (names, f) => names.forEach((name) => this.on_(`change:${name}`, f));
    changed(["round", "panels", "colour", "when", "pinned", "lasso"], () => this.readState());
    changed(["runs"], () => {
      this.readRuns();
      this.readState();
    });
    this.on_("msg:custom", (message, buffers) => this.received(message, buffers));
    this.retheme = () => {
      this.theme = null;
      this.readTheme();
      this.redraw();
    };
    this.themes = new MutationObserver(this.retheme);
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light"] });
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", this.retheme);
  }

  on_(event, f) {
    this.model.on(event, f);
    (this.heard ??= []).push([event, f]);
  }

  close() {
    clearInterval(this.playing);
    cancelAnimationFrame(this.frame);
    this.resizing.disconnect();
    this.themes.disconnect();
    this.dark.removeEventListener("change", this.retheme);
    for (const [event, f] of this.heard) this.model.off(event, f);
  }

  // --- state: the model's, read into plain fields

  readRuns() {
    this.runs = new Runs(this.model.get("runs"), this.patches.n);
    this.cache = new Map();
    this.version = (this.version ?? 0) + 1;
    const f1 = this.runs.summaries.flat().map((o) => o.f1).filter((f) => f != null);
    const [low, high] = f1.length ? [Math.min(...f1), Math.max(...f1)] : [0, 1];
    this.f1Range = [Math.max(0, Math.floor(low * 10) / 10), Math.min(1, Math.ceil(high * 10 + 1e-9) / 10)];
    if (this.f1Range[0] === this.f1Range[1]) this.f1Range = [0, 1];
    this.slider.max = this.runs.rounds - 1;
    const most = Math.min(4, Math.max(this.runs.names.length, 1));
    this.countBox.replaceChildren(...Array.from({ length: most }, (_, i) =>
      make("option", { value: i + 1, textContent: i + 1 })));
  }

  readState() {
    const get = (name) => this.model.get(name);
    this.panels = get("panels");
    this.round = clamp(get("round"), 0, this.runs.rounds - 1);
    this.colour = get("colour");
    this.when = get("when");
    this.lasso = get("lasso");
    this.pinnedRow = get("pinned") < 0 ? -1 : this.patches.id.indexOf(get("pinned"));
    this.slider.value = this.round;
    this.roundText.textContent = `round ${this.round} of ${this.runs.rounds - 1}`;
    this.slider.setAttribute("aria-valuetext", this.roundText.textContent);
    this.countBox.value = this.panels.length;
    this.colourBox.value = this.colour;
    this.whenBox.value = this.when;
    this.whenBox.disabled = !["entropy", "probability", "distance"].includes(this.colour) && !this.showBoundary;
    this.back.disabled = this.round === 0;
    this.on.disabled = this.round === this.runs.rounds - 1;
    const fresh = this.shown.length !== this.panels.length;
    while (this.shown.length < this.panels.length) this.shown.push(new Panel(this, this.shown.length));
    this.shown.length = this.panels.length;
    this.shown.forEach((panel, i) => {
      panel.cursor = -1;
      const have = [...panel.choice.options].map((o) => o.value).join();
      if (have !== this.runs.names.join()) {
        panel.choice.replaceChildren(...this.runs.names.map((name) => make("option", { value: name, textContent: name })));
      }
      panel.choice.value = this.panels[i];
    });
    if (fresh) {
      this.grid.replaceChildren(...this.shown.map((panel) => panel.node));
      this.layout();
    }
    this.redraw({ all: true });
  }

  /** Change the state, tell Python. */
  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
    this.readState();
  }

  option(name, on) {
    this[name] = on;
    this.readState();
  }

  go(round) {
    round = clamp(round, 0, this.runs.rounds - 1);
    if (round === this.round) return;
    this.set("round", round);
    this.say(`Round ${round}. ` + this.panels.map((name) =>
      `${name}: ${this.said(this.runs.names.indexOf(name))}`).join(" "));
  }

  toggle() {
    if (this.playing) {
      clearInterval(this.playing);
      this.playing = null;
    } else {
      if (this.round === this.runs.rounds - 1) this.go(0);
      this.playing = setInterval(() => {
        this.go(this.round + 1);
        if (this.round === this.runs.rounds - 1) this.toggle();
      }, STEP_MS);
    }
    this.play.textContent = this.playing ? "⏸ Pause" : "▶ Play";
    this.play.setAttribute("aria-label", this.playing ? "Pause" : "Play the rounds");
  }

  showStrategy(place, name) {
    this.set("panels", this.panels.map((old, i) => (i === place ? name : old)));
  }

  showCount(count) {
    const spare = this.runs.names.filter((name) => !this.panels.includes(name));
    this.set("panels", [...this.panels, ...spare].slice(0, count));
  }

  key(event) {
    const own = /^(SELECT|INPUT|SUMMARY)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (this.lasso.length) this.select([]);
      else if (this.pinnedRow >= 0) this.pin(-1);
      else return;
    } else if (own || event.altKey || event.ctrlKey || event.metaKey) return;
    else if (event.key === "ArrowRight") this.go(this.round + 1);
    else if (event.key === "ArrowLeft") this.go(this.round - 1);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.runs.rounds - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- zoom and pan, the same in all panels

  zoomBy(factor, about = this.centre) {
    const zoom = clamp(this.zoom * factor, 0.5, 60);
    const moved = this.zoom / zoom;
    this.centre = this.centre.map((c, i) => about[i] + (c - about[i]) * moved);
    this.zoom = zoom;
    this.redraw();
  }

  panBy(right, up, panel) {
    const step = (0.15 * panel.width) / panel.scale;
    this.centre = [this.centre[0] + right * step, this.centre[1] + up * step];
    this.redraw();
  }

  resetZoom() {
    this.zoom = 1;
    this.centre = this.patches.middle;
    this.redraw();
  }

  // --- single patches

  hover(row, panel) {
    if (row === this.hovered) return;
    this.hovered = row;
    this.overlays();
    this.drawCard();
  }

  pin(row) {
    this.whole = null;
    this.set("pinned", row < 0 ? -1 : this.patches.id[row]);
    if (row >= 0) {
      this.model.send({ ask: "patch", row });
      this.say(`Pinned ${this.spoken(row)}`);
    }
  }

  /** The whole image of a patch, from Python; the standalone page has thumbnails only. */
  async received(message, buffers) {
    if (message.patch !== this.pinnedRow) return;
    this.whole = { row: message.patch, image: await createImageBitmap(new Blob([buffers[0]])) };
    this.drawCard();
  }

  select(corners) {
    // Some hundred corners are plenty, and a lasso is a message to Python.
    const thin = Math.ceil(corners.length / 200);
    corners = corners.filter((_, i) => i % thin === 0).map((xy) => xy.map((v) => Number(v.toFixed(4))));
    this.set("lasso", corners.length > 2 ? corners : []);
  }

  selectView(panel) {
    const [w, h] = [panel.width, panel.height];
    this.select([[0, 0], [w, 0], [w, h], [0, h]].map(([x, y]) => panel.toMap(x, y)));
  }

  /** Rows inside the lasso, by the even-odd rule. */
  inside() {
    const { lasso, patches } = this;
    if (lasso.length < 3) return [];
    const places = patches.places(this.round);
    const rows = [];
    for (let i = 0; i < patches.n; i++) {
      const [x, y] = [places[2 * i], places[2 * i + 1]];
      let odd = false;
      for (let a = 0, b = lasso.length - 1; a < lasso.length; b = a++) {
        const [[xa, ya], [xb, yb]] = [lasso[a], lasso[b]];
        if (ya > y !== yb > y && x < xa + ((y - ya) * (xb - xa)) / (yb - ya)) odd = !odd;
      }
      if (odd) rows.push(i);
    }
    return rows;
  }

  faint(row) {
    return this.highlighted.size > 0 && !this.highlighted.has(this.legendCodes[row]);
  }

  // --- colours

  get slot() {
    return this.when === "before" ? this.round : this.round + 1;
  }

  get pointRadius() {
    const { patches, zoom } = this;
    const crowd = clamp(95 / Math.sqrt(patches.n), 0.9, 3.2);
    return Math.round(4 * clamp(crowd * Math.sqrt(zoom), 0.9, 6)) / 4;
  }

  readTheme() {
    if (this.theme) return;
    const read = getComputedStyle(this.root);
    const number = (colour) => {
      const pen = new OffscreenCanvas(1, 1).getContext("2d");
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      return Array.from(pen.getImageData(0, 0, 1, 1).data.slice(0, 3));
    };
    const paperRgb = number(read.backgroundColor);
    const dark = paperRgb.reduce((a, b) => a + b) < 380;
    this.theme = { paperRgb, paper: `rgb(${paperRgb})`, ink: dark ? "#ffffff" : "#111111",
      faint: dark ? "#4a4a4a" : "#c8c8c8", dark };
    this.root.classList.toggle("ax-dark", dark);
    this.classColours = this.patches.colours[0].map((pair) => pair[dark ? 1 : 0]);
    this.cache.clear();
    this.drawLegend();
  }

  /** Colour numbers (n,) of the patches for one strategy now, and the colours they stand for. */
  coloursFor(s) {
    const { patches, runs, colour, slot } = this;
    const key = `${colour}|${s}|${slot}`;
    if (this.cache.has(key)) return this.cache.get(key);
    let found;
    const fact = patches.facts.find((f) => f.name === colour);
    if (colour === "class") found = { codes: patches.labels, colours: this.classColours };
    else if (fact?.kind === "names") {
      found = { codes: fact.values, colours: fact.names.map((_, i) => this.classColours[i % this.classColours.length]) };
    } else {
      const level = (x) => (Number.isNaN(x) ? LEVELS : Math.min(LEVELS - 1, Math.floor(x * LEVELS)));
      const [bytes, number] = fact ? [fact.values, (b) => (b === NEVER ? NaN : b / 254)]
        : colour === "distance" ? [runs.distancesOf(s, slot), (b) => runs.distance(b) / runs.far]
        : colour === "entropy" ? [runs.logitsOf(s, slot), (b) => entropyOf(runs.logit(b)) / LN2]
        : [runs.logitsOf(s, slot), (b) => probabilityOf(runs.logit(b))];
      const lookup = Uint8Array.from({ length: 256 }, (_, b) => level(number(b)));
      const scale = colour === "probability" ? "boundary" : "numbers";
      found = {
        codes: bytes.map((b) => lookup[b]),
        colours: [...Array.from({ length: LEVELS }, (_, i) => shade(scale, i / (LEVELS - 1))), this.theme.faint],
      };
    }
    found = { codes: found.codes, css: found.colours, colours: found.colours.map(packed) };
    if (this.cache.size > 60) this.cache.clear();
    this.cache.set(key, found);
    return found;
  }

  // --- drawing

  layout() {
    const room = this.root.clientWidth;
    if (!room) return;
    this.root.classList.toggle("ax-wide", room >= 820);
    const width = this.grid.clientWidth;
    const count = this.panels.length;
    let columns = count;
    const least = () => (columns > 2 ? 225 : 165);
    while (columns > 1 && width / columns < least()) columns = columns === 3 ? 1 : columns / 2;
    this.grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const each = Math.floor((width - 12 * (columns - 1)) / columns) - 2;
    const height = Math.round(clamp(each * 0.92, 180, 460));
    for (const panel of this.shown) {
      panel.node.classList.toggle("ax-tight", each < 290);
      if (panel.width !== each || panel.height !== height || panel.dpr !== window.devicePixelRatio) {
        panel.resize(each, height);
      }
    }
    this.redraw({ all: true });
  }

  /** Draw in the next frame; many changes within a frame are drawn once. */
  redraw({ all = false } = {}) {
    this.wanted = { all: all || this.wanted?.all };
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const { all: everything } = this.wanted;
      this.wanted = null;
      this.drawNow(everything);
    });
  }

  drawNow(everything) {
    if (!this.root.isConnected || !this.shown[0]?.width) return;
    this.readTheme();
    if (everything) this.drawLegend();
    for (const panel of this.shown) panel.draw();
    if (everything) {
      this.drawSide();
      this.drawTables();
    }
    this.root.dataset.round = this.round;
    this.root.dataset.drawn = Number(this.root.dataset.drawn ?? 0) + 1;
    if (this.model.get("token") && !this.hiding) {
      // The static figure beside us is for whoever opens the notebook without a kernel.
      this.hiding = make("style", { textContent:
        `[data-activecl-still="${this.model.get("token")}"] { display: none; }` });
      document.head.append(this.hiding);
    }
  }

  overlays() {
    if (this.overlaying) return;
    this.overlaying = requestAnimationFrame(() => {
      this.overlaying = 0;
      for (const panel of this.shown) panel.drawOverlay();
    });
  }

  thumbnail(pen, row, x, y, size) {
    const { cell, side, columns } = this.patches;
    const [sx, sy] = [(row % columns) * cell, Math.floor(row / columns) * cell];
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.sheet, sx, sy, side, side, x, y, size, size);
  }

  drawSide() {
    this.drawCard();
    const pinned = this.pinnedRow;
    this.nearBox.hidden = pinned < 0;
    const rows = pinned < 0 ? [] : this.patches.nearestTo(pinned);
    if (this.near.rows.join() !== rows.join() || !this.near.columns) this.near.show(rows);
    this.galleryBox.hidden = !this.lasso.length;
    const key = `${this.lasso.join()}|${this.round * (this.patches.frames > 1)}`;
    if (this.galleryKey !== key) this.rowsInside = this.inside();
    const inside = this.rowsInside;
    if (this.galleryKey !== key || !this.gallery.columns) {
      this.galleryKey = key;
      const thin = Math.max(1, inside.length / TILES);
      this.gallery.show(Array.from({ length: Math.min(TILES, inside.length) }, (_, i) => inside[Math.floor(i * thin)]));
      this.gallery.canvas.dataset.inside = inside.length;
      if (this.lasso.length) this.say(`${inside.length} patches inside the lasso`);
    }
    if (this.lasso.length) this.drawInside(inside);
  }

  /** What is inside the lasso: classes, and who took how many of them. */
  drawInside(inside) {
    const { patches, runs, round } = this;
    const counts = patches.classes.map(() => 0);
    for (const row of inside) counts[patches.labels[row]]++;
    const lines = patches.classes.map((name, c) => [counts[c], name]).filter(([k]) => k)
      .sort((a, b) => b[0] - a[0]).map(([k, name]) => `${name} ${k}`).join(", ");
    const took = this.panels.map((name) => {
      const taken = runs.takenBy(runs.names.indexOf(name));
      return `${name} ${inside.filter((row) => taken[row] <= round).length}`;
    }).join(", ");
    const shown = inside.length > TILES ? ` (${TILES} shown)` : "";
    this.insideBar ??= this.bar("");
    this.fillBar(this.insideBar, counts);
    this.galleryText.replaceChildren(
      make("div", { textContent: `${inside.length} patches${shown}: ${lines || "none"}` }),
      this.insideBar,
      make("div", { textContent: `Taken up to round ${round}: ${took}` }));
  }

  drawCard() {
    const row = this.hovered >= 0 ? this.hovered : this.pinnedRow;
    const size = 128;
    const dpr = window.devicePixelRatio || 1;
    if (this.card.width !== Math.round(size * dpr)) this.card.width = this.card.height = Math.round(size * dpr);
    const pen = this.card.getContext("2d");
    pen.setTransform(dpr, 0, 0, dpr, 0, 0);
    pen.clearRect(0, 0, size, size);
    this.card.dataset.row = row;
    if (row < 0) {
      this.cardTitle.textContent = "Point at a patch";
      this.cardFacts.replaceChildren("Click to pin it and see its nearest neighbours.");
      this.card.setAttribute("aria-label", "no patch");
      return;
    }
    if (this.whole?.row === row) pen.drawImage(this.whole.image, 0, 0, size, size);
    else if (this.sheet) this.thumbnail(pen, row, 0, 0, size);
    const { patches, runs } = this;
    this.card.setAttribute("aria-label", this.spoken(row));
    this.cardTitle.textContent = `${patches.classes[patches.labels[row]]}  patch ${patches.id[row]}` +
      (row === this.pinnedRow ? " (pinned)" : "");
    const truth = patches.facts.map((fact) =>
      `${fact.title.replace(" (ground truth)", "")}: ` + (fact.kind === "names" ? fact.names[fact.values[row]]
        : digits(fact.low + (fact.values[row] / 254) * (fact.high - fact.low)))).join(", ");
    const head = ["", "p", "entropy", "distance", "round (pick)"];
    const lines = runs.names.map((name, s) => {
      const logit = runs.logit(runs.logitsOf(s, this.slot)[row]);
      return [name, digits(probabilityOf(logit)), digits(entropyOf(logit)),
        digits(runs.distance(runs.distancesOf(s, this.slot)[row])), this.takenText(s, row, true)];
    });
    this.cardFacts.replaceChildren(
      table(this.cardTable ??= make("table", { className: "ax-table" }), head, lines),
      make("div", { className: "ax-truth", textContent: truth }));
  }

  takenText(s, row, short = false) {
    const [t, place] = [this.runs.takenBy(s)[row], this.runs.orderOf(s)[row] + 1];
    if (t === NEVER) return "never";
    return short ? `${t} (${place})` : `round ${t}, no. ${place}`;
  }

  /** One patch in a sentence. */
  spoken(row) {
    const taken = this.runs.names.map((name, s) => `${name} ${this.takenText(s, row)}`).join("; ");
    return `${this.patches.classes[this.patches.labels[row]]}, patch ${this.patches.id[row]}; taken by ${taken}`;
  }

  /** One strategy's round in a sentence. */
  said(s) {
    const { picked, so_far: far, f1 } = this.runs.summaries[s][this.round];
    const name = this.patches.classes[this.patches.positive];
    return `${sum(picked)} picked, ${percent(this.share(picked))} ${name}; so far ${percent(this.share(far))}; F1 ${digits(f1)}.`;
  }

  share(counts) {
    return counts[this.patches.positive] / sum(counts);
  }

  ratio(counts) {
    const yes = counts[this.patches.positive];
    const no = sum(counts) - yes;
    return yes ? `${(no / yes).toFixed(1)} : 1` : no ? `${no} : 0` : "–";
  }

  /** A stacked bar of classes; the positive class comes first and is hatched. */
  bar(label) {
    const { classes, positive } = this.patches;
    const parts = classes.map((_, c) => make("span", {
      className: c === positive ? "ax-part ax-positive" : "ax-part" }));
    const node = make("div", { className: "ax-bar-row" },
      make("span", { className: "ax-bar-label", textContent: label }),
      make("span", { className: "ax-bar", role: "img" }, ...parts),
      make("span", { className: "ax-bar-text",
        title: `patches that are not ${classes[positive]} for each one that is` }));
    node.parts = parts;
    return node;
  }

  fillBar(node, counts) {
    const { classes, positive } = this.patches;
    const total = sum(counts);
    node.parts.forEach((part, c) => {
      part.style.cssText = `width:${(100 * counts[c]) / Math.max(1, total)}%;` +
        `display:${counts[c] ? "block" : "none"};background-color:${this.classColours[c]}`;
      part.title = `${classes[c]}: ${counts[c]}`;
    });
    node.children[1].setAttribute("aria-label", classes.map((name, c) => `${name} ${counts[c]}`).join(", "));
    node.children[2].textContent = total
      ? `${classes[positive]} ${percent(this.share(counts))} · ${this.ratio(counts)}` : "–";
  }

  drawLegend() {
    const { patches, colour, theme } = this;
    if (!theme) return;
    const key = `${colour}|${theme.dark}|${[...this.highlighted]}|${this.runs.far}`;
    if (this.legendKey === key) return;
    if (this.legendFor !== colour) this.highlighted.clear();
    [this.legendKey, this.legendFor] = [key, colour];
    const fact = patches.facts.find((f) => f.name === colour);
    const named = colour === "class" || fact?.kind === "names";
    const names = named && fact ? fact.names : patches.classes;
    this.legendCodes = named && fact ? fact.values : patches.labels;
    const nodes = [];
    if (named) {
      const { css } = this.coloursFor(0);
      names.slice(0, 16).forEach((name, c) => nodes.push(this.legendButton(name, c, css[c],
        colour === "class" ? patches.colours[1][c % patches.colours[1].length] : "circle")));
      if (names.length > 16) nodes.push(`and ${names.length - 16} more`);
    } else {
      const scale = colour === "probability" ? "boundary" : "numbers";
      const [low, high] = fact ? [fact.low, fact.high]
        : [0, colour === "entropy" ? LN2 : colour === "distance" ? this.runs.far : 1];
      nodes.push(make("span", { className: "ax-scale" }, digits(low),
        make("span", { className: "ax-ramp", style: `background:linear-gradient(to right,${SCALES[scale].join()})` }),
        digits(high) + (colour === "distance" ? " and more" : "")));
      if (!fact) nodes.push(make("span", {}, this.sample("circle", theme.faint, null), "not known yet"));
      patches.classes.forEach((name, c) => nodes.push(
        this.legendButton(name, c, theme.faint, patches.colours[1][c % patches.colours[1].length])));
    }
    nodes.push(make("span", { className: "ax-marks" },
      this.sample("circle", theme.paper, 1.3), "chosen before",
      this.sample("diamond", theme.paper, 2.2), "picked in this round"));
    this.legend.replaceChildren(...nodes);
  }

  legendButton(name, code, colour, shape) {
    const node = make("button", { type: "button", className: "ax-class",
      "aria-pressed": String(this.highlighted.has(code)), title: `Show only ${name} in colour`,
      on: { click: () => {
        if (!this.highlighted.delete(code)) this.highlighted.add(code);
        this.redraw({ all: true });
        requestAnimationFrame(() => this.legend.querySelector(`[data-code="${code}"]`)?.focus());
      } } }, this.sample(shape, colour, null), name);
    node.dataset.code = code;
    return node;
  }

  sample(shape, colour, edge) {
    const canvas = make("canvas", { className: "ax-sample", width: 32, height: 32, "aria-hidden": "true" });
    const pen = canvas.getContext("2d");
    trace(pen, shape, 16, 16, 9);
    pen.fillStyle = colour;
    pen.fill();
    if (edge) {
      pen.lineWidth = 2 * edge;
      pen.strokeStyle = this.theme.ink;
      pen.stroke();
    }
    return canvas;
  }

  drawTables() {
    const { runs, patches, round } = this;
    const name = patches.classes[patches.positive];
    const head = ["strategy", "picked", `${name}`, `${name} so far`, "imbalance", "so far", "F1",
      "entropy of picks (rest)", "distance of picks (rest)", "farthest patch after", ...patches.classes];
    const lines = runs.names.map((strategy, s) => {
      const o = runs.summaries[s][round];
      return [strategy, sum(o.picked), percent(this.share(o.picked)), percent(this.share(o.so_far)),
        this.ratio(o.picked), this.ratio(o.so_far), digits(o.f1, 3),
        `${digits(o.entropy_picks)} (${digits(o.entropy_rest)})`,
        `${digits(o.distance_picks)} (${digits(o.distance_rest)})`, digits(o.farthest), ...o.picked];
    });
    const caption = `Picks of round ${round}`;
    table(this.spokenTable, head, lines, caption);
    this.spokenTable.hidden = this.details.open; // once is enough
    if (!this.details.open) return;
    table(this.table, head, lines, caption);
    const shared = runs.overlaps.filter(([, , t]) => t === round).map(([a, b, , now, far]) => [
      `${runs.names[a]} and ${runs.names[b]}`, `${now[2]} of ${now[0]}`, digits(now[3], 1),
      `${far[2]} of ${far[0]}`, digits(far[3], 1)]);
    table(this.overlapTable, ["picked by both", "this round", "by chance", "since round 1", "by chance"],
      shared, "Overlap of picks");
  }

  /** Tell a screen reader. */
  say(text) {
    this.status.textContent = text;
  }
}

const sum = (counts) => counts.reduce((a, b) => a + b, 0);

/** Fill a table; cells that are there already get new text. */
function table(node, head, lines, caption = "") {
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

const HELP = "Keys: left and right arrows step the round, Home and End go to the first and the last. " +
  "On a map: plus and minus zoom, Shift and arrows pan, 0 shows it all, . and , go along the picks, " +
  "Enter pins, l selects what is in view, Escape clears. Mouse: drag pans, Shift and drag draws a " +
  "lasso, the wheel zooms once the map is clicked.";

const STYLE = `
.ax { --ax-paper: var(--jp-layout-color0, var(--vscode-editor-background, Canvas));
  --ax-ink: var(--jp-ui-font-color1, var(--vscode-editor-foreground, CanvasText));
  --ax-line: color-mix(in srgb, var(--ax-ink) 28%, transparent);
  --ax-soft: color-mix(in srgb, var(--ax-ink) 7%, transparent);
  background: var(--ax-paper); color: var(--ax-ink); font: 13px/1.4 system-ui, sans-serif;
  padding: 4px; box-sizing: border-box; width: 100%; min-width: 0; }
.ax *, .ax *::before { box-sizing: border-box; }
.ax button, .ax select { font: inherit; color: inherit; background: var(--ax-paper);
  border: 1px solid var(--ax-line); border-radius: 4px; padding: 2px 8px; min-height: 26px; cursor: pointer; }
.ax option { background: var(--ax-paper); color: var(--ax-ink); }
.ax button:hover, .ax select:hover { background: var(--ax-soft); }
.ax button:disabled, .ax select:disabled { opacity: 0.45; cursor: default; }
.ax button[aria-pressed="true"] { background: var(--ax-ink); color: var(--ax-paper); }
.ax :focus-visible { outline: 2px solid #0a7cff; outline-offset: 1px; }
.ax-toolbar { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; }
.ax-group { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.ax-rounds { flex: 1 1 330px; flex-wrap: nowrap; }
.ax-rounds button { white-space: nowrap; }
.ax-slider { flex: 1 1 90px; min-width: 60px; margin: 0; accent-color: #0a7cff; }
.ax-round { white-space: nowrap; min-width: 92px; font-variant-numeric: tabular-nums; }
.ax-field, .ax-tick-box { white-space: nowrap; }
.ax-field select { max-width: 190px; }
.ax-legend { display: flex; flex-wrap: wrap; gap: 2px 6px; align-items: center; margin: 6px 0; min-height: 28px; }
.ax-legend .ax-class { display: inline-flex; align-items: center; gap: 3px; padding: 0 6px 0 3px; min-height: 24px; }
.ax-legend button[aria-pressed="true"] { background: var(--ax-soft); color: inherit; border-color: var(--ax-ink); }
.ax-sample { width: 16px; height: 16px; vertical-align: -3px; }
.ax-marks { display: inline-flex; align-items: center; gap: 4px; margin-left: 8px; }
.ax-marks canvas + canvas { margin-left: 8px; }
.ax-scale { display: inline-flex; align-items: center; gap: 5px; margin-right: 8px; }
.ax-ramp { display: inline-block; width: 140px; height: 12px; border: 1px solid var(--ax-line); }
.ax-body { display: flex; flex-direction: column; gap: 12px; }
.ax-wide .ax-body { flex-direction: row; }
.ax-grid { display: grid; gap: 12px; flex: 1 1 0; min-width: 0; }
.ax-wide .ax-side { flex: 0 0 282px; max-height: 620px; overflow-y: auto; }
.ax-panel { min-width: 0; }
.ax-head { display: flex; gap: 8px; align-items: center; margin-bottom: 4px; min-width: 0; }
.ax-head select { font-weight: 600; max-width: 60%; }
.ax-caption { opacity: 0.85; font-size: 12px; }
.ax-stage { position: relative; border: 1px solid var(--ax-line); border-radius: 4px; overflow: hidden; }
.ax-map { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.ax-overlay { cursor: pointer; touch-action: pan-y; }
.ax-overlay:focus-visible { outline-offset: -3px; }
.ax-lassoing .ax-overlay { cursor: crosshair; touch-action: none; }
.ax-bars { margin-top: 5px; }
.ax-bar-row { display: flex; align-items: center; gap: 6px; font-size: 11.5px; min-height: 18px; }
.ax-bar-label { flex: 0 0 62px; white-space: nowrap; }
.ax-tight .ax-bar-row { flex-wrap: wrap; row-gap: 1px; margin-bottom: 3px; }
.ax-tight .ax-bar { order: 3; flex: 0 0 100%; }
.ax-bar-label:empty { display: none; }
.ax-bar { flex: 1 1 40px; display: flex; height: 12px; background: var(--ax-soft); border-radius: 2px; overflow: hidden; }
.ax-part { height: 100%; border-right: 1px solid var(--ax-paper); }
.ax-positive { order: -1; background-image: repeating-linear-gradient(135deg, transparent 0 3px, rgba(255,255,255,0.65) 3px 4.5px); }
.ax-bar-text { flex: 0 0 112px; white-space: nowrap; font-variant-numeric: tabular-nums; }
.ax-curve { display: block; width: 100%; max-height: 62px; margin-top: 2px; }
.ax-curve text { fill: var(--ax-ink); font: 10px system-ui, sans-serif; }
.ax-curve .ax-tick { text-anchor: end; }
.ax-curve .ax-f1 { font-size: 14px; font-weight: 600; }
.ax-curve path { fill: none; stroke: var(--ax-ink); }
.ax-curve .ax-axis { stroke-opacity: 0.35; }
.ax-curve .ax-other { stroke-opacity: 0.25; }
.ax-curve .ax-own { stroke: color-mix(in srgb, var(--ax-own), var(--ax-ink) var(--ax-lift, 0%)); stroke-width: 2.5; }
.ax-curve .ax-marker { fill: color-mix(in srgb, var(--ax-own), var(--ax-ink) var(--ax-lift, 0%)); stroke: var(--ax-ink); stroke-width: 1.5; }
.ax-dark { --ax-lift: 45%; }
.ax-side { display: flex; flex-direction: column; gap: 10px; min-width: 0; }
.ax-box { flex: none; border: 1px solid var(--ax-line); border-radius: 4px; padding: 8px; min-width: 0; }
.ax-box[hidden] { display: none; }
.ax-box h4 { margin: 0 0 6px; font-size: 12.5px; }
.ax-box > button { margin-top: 6px; }
.ax-patch { min-height: 300px; }
.ax-card { width: 128px; height: 128px; background: var(--ax-soft); border-radius: 3px; display: block; margin-bottom: 6px; }
.ax:not(.ax-wide) .ax-patch { display: flex; gap: 10px; min-height: 146px; }
.ax:not(.ax-wide) .ax-patch > div { min-width: 0; overflow-x: auto; }
.ax:not(.ax-wide) .ax-card { flex: 0 0 128px; }
.ax-tiles { display: block; }
.ax-tiles[hidden] { display: none; }
.ax-table { border-collapse: collapse; font-size: 11.5px; font-variant-numeric: tabular-nums; margin: 4px 0; }
.ax-table caption { text-align: left; font-weight: 600; }
.ax-table th, .ax-table td { padding: 1px 6px 1px 0; text-align: right; white-space: nowrap; font-weight: 400;
  background: none; color: inherit; }
.ax-table thead th { opacity: 0.75; }
.ax-table tbody th, .ax-table thead th:first-child { text-align: left; font-weight: 600; }
.ax-truth { font-size: 11.5px; }
.ax-details { margin-top: 8px; }
.ax-details summary { cursor: pointer; }
.ax-scroll { overflow-x: auto; }
.ax-scroll .ax-table th, .ax-scroll .ax-table td { padding: 2px 10px 2px 0; }
.ax-help { margin: 6px 0 0; font-size: 11.5px; opacity: 0.75; }
.ax-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;

/** A model for the standalone page: what anywidget's would be, without a Python behind it. */
function pageModel(values) {
  return {
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
