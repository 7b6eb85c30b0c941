// Short notices of what just happened, read out as they come; they leave by themselves or when closed.
import { byId, element } from "./elements.js";
import { say, sayProblem } from "./sentences.js";

const SHOWN_MILLISECONDS = 8000;
const SHOWN_MAX = 4;

export function notify(text, kind = "") {
  const place = byId("notices");
  const notice = element("div", { class: `notice ${kind}`, "data-testid": "notice" }, element("p", {}, text));
  notice.append(element("button", { type: "button", class: "quiet", "aria-label": say("close"), onclick: () => notice.remove() }, "×"));
  place.append(notice);
  while (place.children.length > SHOWN_MAX) place.firstElementChild.remove();
  setTimeout(() => notice.remove(), SHOWN_MILLISECONDS);
}

// Do what a press asks for; what the API refuses is told.
export async function attempt(work) {
  try {
    await work();
  } catch (problem) {
    notify(sayProblem(problem), "error");
  }
}
