// Runs before the page is painted: the reader's own choice, or else the system's theme.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try { return localStorage.getItem("theme") ?? "auto"; } catch { return "auto"; }
  };
  const apply = () => {
    const wanted = chosen();
    root.dataset.bsTheme = wanted === "auto" ? (system.matches ? "dark" : "light") : wanted;
  };
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  apply();
  addEventListener("DOMContentLoaded", () => {
    const select = document.getElementById("theme");
    if (!select) return;
    select.closest("label").hidden = false;
    select.value = chosen();
    select.addEventListener("change", () => {
      try { localStorage.setItem("theme", select.value); } catch { /* a private window keeps nothing */ }
      apply();
    });
  });
})();
