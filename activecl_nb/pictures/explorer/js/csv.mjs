// Patches as a table: what filters.table gives in Python, column for column.

import { digits } from "./numbers.mjs";
import { NEVER } from "./patches.mjs";

/** A cell of a CSV file: quoted where it must be. */
function cell(value) {
  const text = String(value ?? "");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The column names, and a line of values for each of these rows. */
function linesOf(rows, patches, runs, slot) {
  const head = ["patch", "class"];
  for (const name of runs.names) {
    head.push(...["round", "place", "probability", "entropy", "distance"].map((what) => `${name} ${what}`));
  }
  head.push(...patches.facts.map((fact) => fact.name));
  const lines = rows.map((row) => {
    const line = [patches.id[row], patches.className(row)];
    runs.names.forEach((_, s) => {
      const taken = runs.takenBy(s)[row];
      line.push(taken === NEVER ? "" : taken, taken === NEVER ? "" : runs.orderOf(s)[row] + 1);
      for (const name of ["probability", "entropy", "distance"]) {
        const score = runs.score(name, s, slot, row);
        line.push(Number.isFinite(score) ? digits(score, 3) : "");
      }
    });
    const told = patches.facts.map((fact) => patches.told(fact, row));
    return [...line, ...told.map((text) => (text === "not known" ? "" : text))];
  });
  return [head, ...lines];
}

export const csvOf = (rows, patches, runs, slot) =>
  linesOf(rows, patches, runs, slot).map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
