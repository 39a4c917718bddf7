"use strict";
(() => {
  const root = document.documentElement;
  const get = (id) => document.getElementById(id);
  const main = document.querySelector("main");
  get("counts").textContent = get("total").content.textContent;

  const layout = get("layout");
  const setLayout = (two) => {
    main.classList.toggle("two", two);
    layout.setAttribute("aria-pressed", String(two));
  };
  layout.addEventListener("click", () => setLayout(!main.classList.contains("two")));

  const themes = ["system", "light", "dark"];
  const theme = get("theme");
  const setTheme = (name) => {
    if (name === "system") delete root.dataset.theme;
    else root.dataset.theme = name;
    theme.textContent = `Theme: ${name}`;
  };
  const nextTheme = () => setTheme(themes[(themes.indexOf(root.dataset.theme || "system") + 1) % themes.length]);
  theme.addEventListener("click", nextTheme);

  const help = get("help");
  const toggleHelp = () => {
    const keys = get("keys");
    keys.hidden = !keys.hidden;
    help.setAttribute("aria-expanded", String(!keys.hidden));
  };
  help.addEventListener("click", toggleHelp);

  const files = [...document.querySelectorAll(".file")];
  let file = -1;
  const toFile = (step) => {
    if (!files.length) return;
    file = Math.min(Math.max(file + step, 0), files.length - 1);
    files[file].scrollIntoView({ block: "start" });
    files[file].focus({ preventScroll: true });
  };

  let hunk = null;
  const toHunk = (step) => {
    const shown = [...document.querySelectorAll(".hunk")].filter((row) => row.offsetParent !== null);
    if (!shown.length) return;
    const at = shown.indexOf(hunk);
    if (hunk) hunk.classList.remove("here");
    hunk = shown[at < 0 ? (step > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + step, 0), shown.length - 1)];
    hunk.classList.add("here");
    hunk.scrollIntoView({ block: "center" });
    file = files.indexOf(hunk.closest(".file"));
  };

  const keys = {
    j: () => toFile(1),
    k: () => toFile(-1),
    n: () => toHunk(1),
    p: () => toHunk(-1),
    s: () => setLayout(!main.classList.contains("two")),
    t: nextTheme,
    "?": toggleHelp,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
