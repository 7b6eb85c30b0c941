// Which part of the page is seen where it does not fit whole, and the tabs of the activity panel.
import { byId } from "./elements.js";

export function showViews() {
  const buttons = [...document.querySelectorAll("nav.views button")];

  function turnTo(view) {
    byId("terminal").dataset.view = view;
    for (const button of buttons) button.setAttribute("aria-current", String(button.dataset.view === view));
    scrollTo(0, 0);
  }

  for (const button of buttons) button.addEventListener("click", () => turnTo(button.dataset.view));
  return turnTo;
}

// https://www.w3.org/WAI/ARIA/apg/patterns/tabs/: arrows move, and what has the focus is shown.
export function showTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];

  function turnTo(chosen) {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
  }

  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => turnTo(tab));
    tab.addEventListener("keydown", (event) => {
      const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const chosen = tabs[(next + tabs.length) % tabs.length];
      chosen.focus();
      chosen.click();
    });
  });
}
