// Time and sales: the contract's trades, the newest first, each once.
import { Rows, byId, element } from "./elements.js";
import * as figures from "./figures.js";
import { say } from "./sentences.js";

const SHOWN_MAX = 60;

export class TimeAndSales {
  #rows = new Rows(byId("trades"));
  #trades = [];

  show(market, trades) {
    this.#trades = trades.slice(0, SHOWN_MAX);
    this.#draw(market);
  }

  add(market, trade) {
    if (this.#trades.some((known) => known.id === trade.id)) return false;
    this.#trades = [trade, ...this.#trades].slice(0, SHOWN_MAX);
    this.#draw(market);
    return true;
  }

  #draw(market) {
    byId("trades-empty").hidden = this.#trades.length > 0;
    this.#rows.show(this.#trades, (trade) => trade.id, () => "", (trade) => {
      const bought = trade.taker_side === "buy";
      return element("tr", { class: bought ? "up" : "down", "data-testid": "trade" },
        element("td", {}, figures.time(trade.occurred_at)),
        element("td", { class: "figure price" }, element("span", { "aria-hidden": "true" }, bought ? "▲" : "▼"), element("span", { class: "unseen" }, say(bought ? "bought" : "sold")), figures.price(trade.price, market)),
        element("td", { class: "figure" }, figures.quantity(trade.quantity)));
    });
  }
}
