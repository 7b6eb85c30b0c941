// The chosen contract: its quote, book, chart and trades, from REST until the feed is there and from the feed since.
import { byId, setText } from "./elements.js";
import * as figures from "./figures.js";
import { Chart } from "./chart.js";
import { OrderBook } from "./order_book.js";
import { TimeAndSales } from "./time_and_sales.js";

const CANDLES = 300;
const CACHE_MILLISECONDS_MAX = 400;

export class MarketView extends EventTarget {
  #session;
  #feed;
  #markets;
  #orders;
  #book;
  #chart;
  #sales = new TimeAndSales();
  #stop = () => {};
  #loading = 0;
  #reload = null;
  #heardTrades = [];
  market = null;

  constructor(session, feed, markets, orders, choosePrice) {
    super();
    this.#session = session;
    this.#feed = feed;
    this.#markets = markets;
    this.#orders = orders;
    this.#book = new OrderBook(choosePrice);
    this.#chart = new Chart(byId("terminal").dataset.locale);
    markets.addEventListener("update", (event) => event.symbol === this.market?.symbol && this.#showQuote());
    orders.addEventListener("change", () => this.#showQuote());
    for (const choice of document.querySelectorAll("input[name=interval]")) {
      choice.addEventListener("change", () => this.#load());
    }
  }

  show(symbol) {
    const market = this.#markets.get(symbol);
    if (!market || market === this.market) return;
    this.#stop();
    this.market = market;
    this.#sales.show(market, []);
    this.#chart.show(market, interval(), []);
    this.#stop = this.#markets.follow(symbol, (message) => this.#heard(message));
    this.#showQuote();
    this.#load();
    this.#loadAgain();
    if (this.#feed.state !== "live") this.#loadBook();
    this.dispatchEvent(new Event("chosen"));
  }

  #heard(message) {
    if (message.event === "snapshot" && !message.resumed) this.#loadAgain();
    if (message.event !== "trade:executed") return;
    this.#heardTrades.push(message.data);
    this.#markets.refreshLimits(this.market.asset);
    if (this.#sales.add(this.market, message.data)) this.#chart.add(message.data);
  }

  // REST may be as old as its cache: what it tells after that is joined to what is heard since.
  #loadAgain() {
    clearTimeout(this.#reload);
    this.#heardTrades = [];
    this.#reload = setTimeout(() => this.#load(), CACHE_MILLISECONDS_MAX);
  }

  async #load() {
    const { market } = this;
    if (!market) return;
    const loading = ++this.#loading;
    const symbol = encodeURIComponent(market.symbol);
    const [{ trades }, { candles }] = await Promise.all([
      this.#session.request("GET", `/api/trades?symbol=${symbol}&limit=60`),
      this.#session.request("GET", `/api/candles/${symbol}?interval=${interval()}&limit=${CANDLES}`),
    ]);
    // Another contract may have been chosen meanwhile.
    if (loading !== this.#loading) return;
    this.#sales.show(market, trades);
    this.#chart.show(market, interval(), candles);
    for (const trade of this.#heardTrades) if (this.#sales.add(market, trade)) this.#chart.add(trade);
  }

  async #loadBook() {
    const { market } = this;
    const { books: [book] } = await this.#session.request("GET", `/api/orderbook/${encodeURIComponent(market.symbol)}?levels=10`);
    if (market.bids) return;
    const pairs = (levels) => levels.map(({ price, quantity }) => [price, quantity]);
    Object.assign(market, { bids: pairs(book.bids), asks: pairs(book.offers) });
    if (market === this.market) this.#showQuote();
  }

  #showQuote() {
    const { market } = this;
    if (!market) return;
    const change = this.#markets.change(market);
    setText(byId("market-heading"), this.#markets.name(market.symbol));
    setText(byId("quote-last"), figures.price(market.last, market));
    const sign = change && (change.difference.gt("0") ? "▲ " : change.difference.lt("0") ? "▼ " : "");
    const changed = byId("quote-change");
    setText(changed, change ? `${sign}${figures.signedPrice(change.difference.toString(), market)} (${figures.signedPercent(change.percent)})` : "–");
    changed.className = change?.difference.gt("0") ? "up" : change?.difference.lt("0") ? "down" : "";
    setText(byId("quote-bid"), figures.price(market.bid, market));
    setText(byId("quote-offer"), figures.price(market.offer, market));
    setText(byId("quote-high"), figures.price(market.high, market));
    setText(byId("quote-low"), figures.price(market.low, market));
    setText(byId("quote-volume"), figures.quantity(market.volume));
    this.#book.show(market, this.#orders.ownPrices(market.symbol));
    this.dispatchEvent(new Event("quote"));
  }
}

function interval() {
  return document.querySelector("input[name=interval]:checked").value;
}
