// Numbers: how they are read, counted and written. wording.py writes them by the same rules.

export const LN2 = Math.log(2);

export const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
export const sum = (counts) => counts.reduce((a, b) => a + b, 0);

/** A share in whole percent, halves upwards. */
export const percent = (part, whole) =>
  whole ? `${Math.floor((200 * part + whole) / (2 * whole))}%` : "–";

/** A number with so many places, halves away from zero; a dash for what is not known. */
export const digits = (x, places = 2) =>
  x == null || !Number.isFinite(x) ? "–" : x.toFixed(places);

/** Negatives for each positive. */
export function ratio(counts, positive) {
  const yes = counts[positive];
  const no = sum(counts) - yes;
  return yes ? `${(no / yes).toFixed(1)} : 1` : no ? `${no} : 0` : "–";
}

/** -sum p log p in nats, from a logit. */
export function entropyOf(logit) {
  const a = Math.abs(logit);
  return Math.log1p(Math.exp(-a)) + (a * Math.exp(-a)) / (1 + Math.exp(-a));
}

export const probabilityOf = (logit) => 1 / (1 + Math.exp(-logit));

/** The mean of what is finite; NaN of nothing. */
export function meanOf(values) {
  let [total, count] = [0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    total += value;
    count += 1;
  }
  return count ? total / count : NaN;
}

/** How many rows have each code: an array of ``classes`` counts. */
export function countsOf(rows, codes, classes) {
  const counts = new Array(classes).fill(0);
  for (const row of rows) counts[codes[row]] += 1;
  return counts;
}

/** "3 patches". */
export const several = (count) => `${count} ${count === 1 ? "patch" : "patches"}`;

/** "TUM 12, STR 3": what there is, the most first. */
export function inWords(counts, names) {
  const there = names.map((name, c) => [counts[c], name]).filter(([count]) => count);
  return there.sort((a, b) => b[0] - a[0]).map(([count, name]) => `${name} ${count}`).join(", ") || "none";
}

/** At most ``limit`` of these, evenly spaced. */
export function thinned(rows, limit) {
  if (rows.length <= limit) return Array.from(rows);
  const step = rows.length / limit;
  return Array.from({ length: limit }, (_, i) => rows[Math.floor(i * step)]);
}
