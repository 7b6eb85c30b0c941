// The depth ladder: ten levels a side in rows that stay where they are; a press puts the price into the ticket.
import { byId, element, setText } from "./elements.js";
import * as figures from "./figures.js";
import { Big } from "./figures.js";
import { say } from "./sentences.js";

const LEVELS = 10;

export class OrderBook {
  #choose;
  #offers;
  #bids;

  constructor(choose) {
    this.#choose = choose;
    this.#offers = this.#rows(byId("offers"), "sell").reverse(); // The best is the lowest.
    this.#bids = this.#rows(byId("bids"), "buy");
  }

  // `own` has the prices at which the reader's own orders rest, as "buy 150.00".
  show(market, own) {
    const bids = sums(market.bids ?? []);
    const offers = sums(market.asks ?? []);
    const deepest = [...bids, ...offers].reduce((most, level) => (level.sum.gt(most) ? level.sum : most), new Big("0"));
    this.#fill(this.#bids, bids, deepest, market, "buy", own);
    this.#fill(this.#offers, offers, deepest, market, "sell", own);
    const spread = bids[0] && offers[0] ? new Big(offers[0].price).minus(bids[0].price) : null;
    setText(byId("spread"), spread ? say("spread", { spread: figures.price(spread.toString(), market) }) : say(bids.length || offers.length ? "one_sided" : "empty_book"));
  }

  #rows(list, side) {
    const rows = Array.from({ length: LEVELS }, () => {
      const cells = [element("span", { class: "figure price" }), element("span", { class: "figure" }), element("span", { class: "figure sum" })];
      const button = element("button", { type: "button", class: `level ${side}`, disabled: true, "data-testid": `level-${side}` }, ...cells);
      button.addEventListener("click", () => this.#choose(button.dataset.price));
      return button;
    });
    list.append(...rows.map((button) => element("li", {}, button)));
    return rows;
  }

  #fill(rows, levels, deepest, market, side, own) {
    rows.forEach((row, place) => {
      const level = levels[place];
      const [price, quantity, sum] = row.children;
      row.disabled = !level;
      setText(price, level ? figures.price(level.price, market) : "\u00a0");
      setText(quantity, level ? figures.quantity(level.quantity) : "");
      setText(sum, level ? figures.quantity(level.sum.toString()) : "");
      row.style.setProperty("--depth", level ? `${level.sum.times("100").div(deepest).toFixed(0)}%` : "0%");
      if (!level) {
        delete row.dataset.price;
        row.removeAttribute("aria-label");
        row.classList.remove("own");
        return;
      }
      row.dataset.price = level.price;
      const isOwn = own.has(`${side} ${level.price}`);
      row.classList.toggle("own", isOwn);
      const facts = { quantity: figures.quantity(level.quantity), price: figures.price(level.price, market) };
      const label = say(side === "buy" ? "bid_level" : "offer_level", facts) + (isOwn ? ` ${say("own_level")}` : "");
      if (row.getAttribute("aria-label") !== label) row.setAttribute("aria-label", label);
    });
  }
}

function sums(levels) {
  let sum = new Big("0");
  return levels.slice(0, LEVELS).map(([price, quantity]) => {
    sum = sum.plus(quantity);
    return { price, quantity, sum };
  });
}
