// Search and the choice of light or dark; both work from a disk.
(() => {
  const root = document.body.dataset.root;
  const shown = document.getElementById("results");

  document.getElementById("theme").addEventListener("click", () => {
    const page = document.documentElement;
    const dark = page.dataset.theme
      ? page.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    page.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("activecl-theme", page.dataset.theme); } catch { /* only here */ }
    for (const frame of document.querySelectorAll("iframe")) tell(frame.contentWindow);
  });

  // The explorer in its frame follows the choice; it asks once it is there.
  const tell = (frame) => {
    const { theme } = document.documentElement.dataset;
    if (theme) frame.postMessage({ activeclTheme: theme }, "*");
  };
  window.addEventListener("message", ({ source, data }) => data?.activeclTheme === "?" && tell(source));

  // A page is found if it holds all words; those with a word in the title come first.
  const find = (words) => window.activeclSearch
    .map(([title, url, text]) => {
      const [head, body] = [title.toLowerCase(), text.toLowerCase()];
      if (!words.every((word) => head.includes(word) || body.includes(word))) return null;
      const score = words.reduce((sum, word) =>
        sum + (head.includes(word) ? 100 : 0) + body.split(word).length - 1, 0);
      const place = Math.max(0, body.indexOf(words[0]) - 60);
      return { title, url, score, around: text.slice(place, place + 160) };
    })
    .filter(Boolean)
    .sort((a, b) => b.score - a.score)
    .slice(0, 12);

  document.getElementById("search").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown.hidden = !words.length;
    if (!words.length) return;
    const list = document.createElement("ul");
    for (const one of find(words)) {
      const link = Object.assign(document.createElement("a"), { href: root + one.url, textContent: one.title });
      const item = document.createElement("li");
      item.append(link, ` … ${one.around} …`);
      list.append(item);
    }
    const none = Object.assign(document.createElement("p"), { textContent: "nothing found" });
    shown.replaceChildren(list.children.length ? list : none);
  });
})();
