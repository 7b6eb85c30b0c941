// What the page says: sentences that the server worded in the reader's language, completed with figures.
import { plainFigure } from "./figures.js";

const sentences = JSON.parse(document.getElementById("sentences").textContent);
const AMOUNT = /^-?\d+(\.\d+)?$/;

export function say(name, facts = {}) {
  return filled(sentences.said[name], facts);
}

export function sayReason(reason) {
  return sentences.reasons[reason];
}

export function sayState(state) {
  return sentences.states[state];
}

export function sayLifetime(lifetime) {
  return sentences.lifetimes[lifetime];
}

// A refusal of the API by its code; a request that met no server has none.
export function sayProblem(problem) {
  const facts = problem.facts ?? {};
  if (problem.code === "order_refused") return sayReason(facts.reason);
  if (problem.code === "off_tick" || problem.code === "off_lot") {
    const nearest = [facts.below, facts.above].filter((value) => value != null).map(plainFigure).join(" / ");
    return filled(sentences.problems[problem.code], { ...figured(facts), nearest });
  }
  return filled(sentences.problems[problem.code] ?? sentences.problems.other, { ...figured(facts), code: problem.code });
}

// The API's facts are plain decimals.
function figured(facts) {
  return Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, AMOUNT.test(fact) ? plainFigure(fact) : fact]));
}

function filled(sentence, facts) {
  return sentence.replace(/%(?:%|\((\w+)\)s)/g, (mark, name) => (mark === "%%" ? "%" : String(facts[name] ?? "")));
}
