// The colours of the surroundings: a light or a dark page, JupyterLab's theme, VS Code's.

/** Read from the element itself; patches: for the class colours that suit the background. */
export function readTheme(root, patches) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = getComputedStyle(root).backgroundColor;
  pen.fillRect(0, 0, 1, 1);
  const paperRgb = Array.from(pen.getImageData(0, 0, 1, 1).data.slice(0, 3));
  const dark = paperRgb.reduce((a, b) => a + b) < 380;
  return {
    dark,
    paperRgb,
    paper: `rgb(${paperRgb})`,
    ink: dark ? "#ffffff" : "#111111",
    inkRgb: dark ? [255, 255, 255] : [17, 17, 17],
    faint: dark ? "#4a4a4a" : "#c8c8c8",
    plain: dark ? "#9a9a9a" : "#767676", // of shapes, where colours say something else
    accent: dark ? "#ff6fb0" : "#c2005f",
    pin: dark ? "#6db3ff" : "#0060df",
    classColours: patches.colours[0].map((pair) => pair[dark ? 1 : 0]),
    inTurn: patches.in_turn.map((pair) => pair[dark ? 1 : 0]),
    scales: Object.fromEntries(Object.entries(patches.scales).map(([name, pair]) => [name, pair[dark ? 1 : 0]])),
  };
}

/** A strategy's colour, lightened where it would drown on a dark page. */
export function onPage(colour, dark) {
  if (!dark) return colour;
  const lift = (v) => Math.round(v + (255 - v) * 0.45);
  return `#${[1, 3, 5].map((i) => lift(parseInt(colour.slice(i, i + 2), 16)).toString(16).padStart(2, "0")).join("")}`;
}

/** Call ``changed`` when the theme of the page, or of the system, does; returns how to stop. */
export function watchTheme(changed) {
  const themes = new MutationObserver(changed);
  themes.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light"] });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", changed);
  return () => {
    themes.disconnect();
    dark.removeEventListener("change", changed);
  };
}
