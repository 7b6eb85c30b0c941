// Light or dark, as chosen here before, else as the system has it; set before anything is drawn.
(() => {
  const KEPT = "maibroker.theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  function show() {
    root.dataset.theme = localStorage.getItem(KEPT) ?? (system.matches ? "dark" : "light");
    document.querySelector("#theme")?.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
    root.dispatchEvent(new Event("theme"));
  }

  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.querySelector("#theme").addEventListener("click", () => {
      localStorage.setItem(KEPT, root.dataset.theme === "dark" ? "light" : "dark");
      show();
    });
  });
})();
