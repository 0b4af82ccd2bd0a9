// Colours: of classes, of names, and scales for numbers.

import { clamp, entropyOf, LN2, probabilityOf } from "./numbers.mjs";
import { UNKNOWN } from "./patches.mjs";

const LEVELS = 32; // steps of a colour scale

/** "#rrggbb" as [r, g, b]. */
export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** "#rrggbb" or "rgb(r,g,b)" as the number 0xbbggrr, which is how pixels are stored. */
export function packed(colour) {
  const [r, g, b] = colour[0] === "#" ? rgb(colour) : colour.match(/\d+/g).map(Number);
  return (b << 16) | (g << 8) | r;
}

/** The stops of the scale of a colouring in numbers (colours.py has them), as they suit the page. */
export const stopsOf = (colour, told, scales) => scales[colour === "probability" && !told ? "boundary" : "numbers"];

/** A colour of a scale, for x from 0 to 1. */
export function shade(stops, x) {
  const at = clamp(x, 0, 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [rgb(stops[i]), rgb(stops[i + 1])];
  return `rgb(${a.map((v, c) => Math.round(v + (b[c] - v) * (at - i))).join(",")})`;
}

/** The colours of a fact's names: classes have their own, others come in turn, and "none" is grey. */
export function namesCss(fact, classes, { classColours, inTurn, faint }) {
  const own = fact.names.join("|") === classes.join("|");
  let next = 0;
  return fact.names.map((_, code) => (code === fact.none ? faint
    : own ? classColours[code % classColours.length] : inTurn[next++ % inTurn.length]));
}

/** Bytes as levels of a scale; LEVELS where a number is not known. number: byte -> 0 to 1. */
function levels(bytes, number) {
  const lookup = Uint8Array.from({ length: 256 }, (_, byte) => {
    const x = number(byte);
    return Number.isNaN(x) ? LEVELS : clamp(Math.floor(x * LEVELS), 0, LEVELS - 1);
  });
  return Uint8Array.from(bytes, (byte) => lookup[byte]);
}

/**
 * How the patches are coloured: ``codes`` (n,) and the ``css`` colours that they stand for.
 * theme: {classColours, inTurn, faint, scales}. s, slot: whose proxy, before which round.
 */
export function colouring(patches, runs, colour, s, slot, theme) {
  const fact = patches.fact(colour);
  if (colour === "class") return { codes: patches.labels, css: theme.classColours };
  if (fact?.kind === "names") {
    return { codes: fact.values, css: namesCss(fact, patches.classes, theme) };
  }
  const told = runs.told[colour];
  const share = (b) => (b === UNKNOWN ? NaN : b / 254);
  const [bytes, number] = fact ? [fact.values, share]
    : told ? [runs.slot(told.values, s, slot), share]
    : colour === "distance" ? [runs.distancesOf(s, slot), (b) => runs.distance(b) / runs.far]
    : colour === "entropy" ? [runs.logitsOf(s, slot), (b) => entropyOf(runs.logit(b)) / LN2]
    : [runs.logitsOf(s, slot), (b) => probabilityOf(runs.logit(b))];
  const stops = stopsOf(colour, told, theme.scales);
  const steps = Array.from({ length: LEVELS }, (_, i) => shade(stops, i / (LEVELS - 1)));
  return { codes: levels(bytes, number), css: [...steps, theme.faint] };
}
