// What Python sent, made readable: the map and its patches, and the runs.

import { entropyOf, probabilityOf } from "./numbers.mjs";

export const NEVER = 1e9; // the "round" of a patch that nobody took
export const UNKNOWN = 255; // in bytes of logits, distances and numeric facts

/** Bytes as they arrive (a DataView) as a typed array, aligned. */
export function typed(view, Type) {
  return new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Whole numbers in the smallest type that fitted them; how many there are says which. */
export function unsigned(view, count) {
  const bytes = count ? view.byteLength / count : 1;
  return typed(view, { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[bytes]);
}

/** What stays: the map, the labels, the neighbours, the ground truth. */
export class Patches {
  constructor(sent) {
    Object.assign(this, sent);
    this.id = typed(sent.patches, Uint32Array);
    this.places = typed(sent.positions, Float32Array); // interleaved x, y
    this.labels = unsigned(sent.labels, sent.n);
    this.near = unsigned(sent.neighbours, sent.n * sent.neighbours_each);
    this.facts = sent.facts.map((fact) => ({ ...fact, values: unsigned(fact.values, sent.n) }));
    this.informative = sent.informative ? typed(sent.informative, Uint8Array) : null;
    const { places } = this;
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < places.length; i += 2) {
      left = Math.min(left, places[i]);
      right = Math.max(right, places[i]);
      low = Math.min(low, places[i + 1]);
      high = Math.max(high, places[i + 1]);
    }
    this.middle = [(left + right) / 2, (low + high) / 2];
    this.extent = [Math.max(right - left, 1e-6), Math.max(high - low, 1e-6)];
  }

  nearestTo(row) {
    const k = this.neighbours_each;
    return Array.from(this.near.subarray(row * k, row * k + k));
  }

  fact(name) {
    return this.facts.find((fact) => fact.name === name);
  }

  /** A fact of a patch in words. */
  told(fact, row) {
    const value = fact.values[row];
    if (fact.kind === "names") return fact.names[value];
    return value === UNKNOWN ? "not known" : (fact.low + (value / 254) * (fact.high - fact.low)).toFixed(2);
  }

  className(row) {
    return this.classes[this.labels[row]];
  }
}

/** What grows with the rounds. s: the strategy's place in ``names``. */
export class Runs {
  constructor(sent, n) {
    Object.assign(this, sent);
    this.n = n;
    const count = sent.names.length * n;
    // 0 says that nobody took it; round t is t + 1.
    this.taken = Int32Array.from(unsigned(sent.taken, count), (t) => (t ? t - 1 : NEVER));
    this.orders = unsigned(sent.order, count);
    this.logitBytes = typed(sent.logits, Uint8Array);
    this.distanceBytes = typed(sent.distances, Uint8Array);
    this.halfBits = typed(sent.half, Uint8Array);
    // Of a task other than classification: what stands for "probability" and "entropy".
    this.told = Object.fromEntries(Object.entries(sent.told ?? {})
      .map(([name, one]) => [name, { ...one, values: typed(one.values, Uint8Array) }]));
  }

  indexOf(name) {
    return this.names.indexOf(name);
  }

  takenBy(s) {
    return this.taken.subarray(s * this.n, (s + 1) * this.n);
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

  /** A logit, nan where there was no proxy. The steps are small where p is near one half. */
  logit(byte) {
    if (byte === UNKNOWN) return NaN;
    const root = (byte - 127) / 127;
    return Math.sign(root) * root * root * this.logit_limit;
  }

  distance(byte) {
    return byte === UNKNOWN ? NaN : (byte / 254) * this.farthest;
  }

  /** A score of a patch as it stood before round ``slot``: "probability", "entropy", "distance". */
  score(name, s, slot, row) {
    if (name === "distance") return this.distance(this.distancesOf(s, slot)[row]);
    const told = this.told[name];
    if (told) {
      const byte = this.slot(told.values, s, slot)[row];
      return byte === UNKNOWN ? NaN : told.low + (byte / 254) * (told.high - told.low);
    }
    const logit = this.logit(this.logitsOf(s, slot)[row]);
    return name === "entropy" ? entropyOf(logit) : probabilityOf(logit);
  }

  /** Rows picked in a round (or since round 1 up to it), in the order picked. */
  picks(s, round, soFar = false) {
    const [taken, order] = [this.takenBy(s), this.orderOf(s)];
    const rows = [];
    for (let i = 0; i < this.n; i++) {
      if (soFar ? taken[i] >= 1 && taken[i] <= round : taken[i] === round) rows.push(i);
    }
    return rows.sort((a, b) => taken[a] - taken[b] || order[a] - order[b]);
  }

  /** The patches left before the pick whose p is nearest one half, as many as are picked. */
  nearestHalf(s, round) {
    const from = (s * this.rounds + round) * Math.ceil(this.n / 8);
    const rows = [];
    for (let i = 0; i < this.n; i++) if (this.halfBits[from + (i >> 3)] & (128 >> (i & 7))) rows.push(i);
    return rows;
  }
}
