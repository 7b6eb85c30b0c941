// Short notices of what just happened, read out as they come; they leave by themselves or when closed.
import { styled } from "../whatsapp_text.js";
import { byId, element } from "./elements.js";
import { say, sayProblem } from "./sentences.js";

const SHOWN_MILLISECONDS = 8000;
const SHOWN_MAX = 4;

export function notify(text, kind = "") {
  const notice = show(element("p", {}, text), kind);
  setTimeout(() => notice.remove(), SHOWN_MILLISECONDS);
}

// What was sent by WhatsApp and not read there, told once more; it stays until it is closed.
export function repeat({ notices, left_out }) {
  if (!notices.length) return;
  const said = notices.map(({ text }) => element("li", {}, styled(text)));
  if (left_out) said.unshift(element("li", {}, say("left_out", { count: left_out })));
  show(element("div", { class: "repeated" }, element("b", {}, say("while_away")), element("ul", {}, ...said)), "stays");
}

function show(content, kind) {
  const place = byId("notices");
  const notice = element("div", { class: `notice ${kind}`, "data-testid": "notice" }, content);
  notice.append(element("button", { type: "button", class: "quiet", "aria-label": say("close"), onclick: () => notice.remove() }, "×"));
  place.append(notice);
  while (place.children.length > SHOWN_MAX) (place.querySelector(".notice:not(.stays)") ?? place.firstElementChild).remove();
  return notice;
}

// Do what a press asks for; what the API refuses is told.
export async function attempt(work) {
  try {
    await work();
  } catch (problem) {
    notify(sayProblem(problem), "error");
  }
}
