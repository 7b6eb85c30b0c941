// Positions, profit and the account's sums: read after each fill, and marked anew by every price in between.
import { Rows, byId, element, setText } from "./elements.js";
import * as figures from "./figures.js";
import { Big } from "./figures.js";

const GATHER_MILLISECONDS = 150;

export class Portfolio {
  #session;
  #markets;
  #rows = new Rows(byId("positions"));
  #positions = [];
  #summary = null;
  #marks = new Map(); // The last prices at which REST marked the positions.
  #stops = [];
  #gathering = null;

  constructor(session, markets, orders) {
    this.#session = session;
    this.#markets = markets;
    session.addEventListener("signed-in", () => this.#loadSoon());
    session.addEventListener("signed-out", () => this.#take([], null));
    orders.addEventListener("fill", () => this.#loadSoon());
    markets.addEventListener("loaded", () => this.#show());
    markets.addEventListener("update", (event) => this.#positions.some((held) => held.symbol === event.symbol) && this.#show());
  }

  // Several fills of one moment are read once.
  #loadSoon() {
    this.#gathering ??= setTimeout(async () => {
      this.#gathering = null;
      const [{ positions }, summary] = await Promise.all([
        this.#session.request("GET", "/api/account/positions"), this.#session.request("GET", "/api/account/summary"),
      ]).catch(() => [{ positions: this.#positions }, this.#summary]);
      if (this.#session.isSignedIn) this.#take(positions, summary);
    }, GATHER_MILLISECONDS);
  }

  #take(positions, summary) {
    this.#stops.forEach((stop) => stop());
    this.#positions = positions;
    this.#summary = summary;
    this.#marks = new Map(positions.map((held) => [held.symbol, this.#markets.get(held.symbol)?.last ?? null]));
    this.#stops = positions.filter((held) => held.quantity !== "0").map((held) => this.#markets.follow(held.symbol));
    this.#show();
  }

  // REST's figure, moved by what the price has moved since: exact, as profit is price times quantity.
  #unrealised(held) {
    const mark = this.#marks.get(held.symbol);
    const last = this.#markets.get(held.symbol)?.last;
    const moved = mark == null || last == null ? new Big("0") : new Big(last).minus(mark).times(held.quantity);
    return new Big(held.unrealised_profit).plus(moved);
  }

  #show() {
    byId("summary").hidden = this.#summary === null;
    const held = this.#positions.filter((position) => position.quantity !== "0").length;
    setText(byId("count-positions"), held ? String(held) : "");
    byId("positions-empty").hidden = this.#positions.length > 0;
    const shown = this.#positions.map((position) => ({ position, unrealised: this.#unrealised(position), last: this.#markets.get(position.symbol)?.last }));
    this.#rows.show(shown, ({ position }) => position.symbol, ({ position, unrealised, last }) => JSON.stringify([position, unrealised.toString(), last, this.#markets.name(position.symbol)]), (row) => this.#row(row));
    if (this.#summary === null) return;
    const unrealised = shown.reduce((sum, row) => sum.plus(row.unrealised), new Big("0"));
    const net = unrealised.plus(this.#summary.realised_profit).minus(this.#summary.commission);
    profit(byId("summary-net"), net);
    profit(byId("summary-realised"), new Big(this.#summary.realised_profit));
    profit(byId("summary-unrealised"), unrealised);
    setText(byId("summary-commission"), figures.money(this.#summary.commission));
  }

  #row({ position, unrealised, last }) {
    const market = this.#markets.get(position.symbol) ?? { tick_size: "0.01" };
    const cell = (text) => element("td", { class: "figure" }, text);
    const profits = [unrealised, new Big(position.realised_profit)].map((value) => {
      const made = cell("");
      profit(made, value);
      return made;
    });
    const sign = position.quantity.startsWith("-") || position.quantity === "0" ? "" : "+";
    return element("tr", { "data-testid": `position-${position.symbol}` },
      element("th", { scope: "row" }, this.#markets.name(position.symbol)), cell(sign + figures.quantity(position.quantity)), cell(figures.price(position.average_price, market)),
      cell(figures.price(last, market)), ...profits, cell(figures.money(position.commission)));
  }
}

function profit(node, value) {
  setText(node, figures.signedMoney(value.round(2, Big.roundHalfUp).toFixed(2)));
  node.classList.toggle("up", value.gt("0"));
  node.classList.toggle("down", value.lt("0"));
}
