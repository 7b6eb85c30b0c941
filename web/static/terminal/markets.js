// What is known of every contract: from REST once, and from the live feed for those that somebody looks at.
import { Big } from "./figures.js";

const LIMITS_PAUSE_MILLISECONDS = 2000;

export class Markets extends EventTarget {
  #session;
  #feed;
  #bySymbol = new Map();
  #names = new Map();
  #words = new Map();
  #refreshing = null;

  constructor(session, feed, language) {
    super();
    this.#session = session;
    this.#feed = feed;
    this.language = language;
  }

  async load() {
    const [{ assets }, { markets }] = await Promise.all([
      this.#session.request("GET", "/api/assets"), this.#session.request("GET", "/api/market"),
    ]);
    for (const { asset, names, aliases } of assets) {
      const name = names[this.language];
      this.#names.set(asset, name[0].toLocaleUpperCase(this.language) + name.slice(1));
      this.#words.set(asset, [asset, ...Object.values(names), ...aliases].join(" ").toLocaleLowerCase());
    }
    for (const market of markets) this.#bySymbol.set(market.symbol, market);
    this.dispatchEvent(new Event("loaded"));
  }

  all() {
    return [...this.#bySymbol.values()];
  }

  get(symbol) {
    return this.#bySymbol.get(symbol);
  }

  assetName(asset) {
    return this.#names.get(asset) ?? asset;
  }

  // "Wheat Dec25", with the month as the reader's language has it.
  name(symbol) {
    const market = this.get(symbol);
    return market ? `${this.assetName(market.asset)} ${this.contractName(market.contract)}` : symbol;
  }

  contractName(contract) {
    const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].indexOf(contract.slice(0, 3));
    const name = new Intl.DateTimeFormat(this.language, { month: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2025, month, 1)));
    return name[0].toLocaleUpperCase() + name.slice(1, 3) + contract.slice(3);
  }

  matches(market, typed) {
    const said = `${this.#words.get(market.asset)} ${market.symbol} ${this.contractName(market.contract)}`.toLocaleLowerCase();
    return typed.toLocaleLowerCase().split(/\s+/).every((word) => said.includes(word));
  }

  // Difference to the first price of the last 24 hours, and in percent; null where nothing has traded.
  change(market) {
    if (market.last == null || market.open == null) return null;
    const difference = new Big(market.last).minus(market.open);
    return { difference, percent: difference.times("100").div(market.open) };
  }

  // Follow a contract's live state and trades; returns what ends that.
  follow(symbol, listener = () => {}) {
    return this.#feed.follow(`market:${symbol}`, (message) => {
      if (message.event === "snapshot" || message.event === "market:update") this.#take(symbol, message.data);
      listener(message);
    });
  }

  // The price limits follow the last trade, and REST tells them.
  refreshLimits(asset) {
    this.#refreshing ??= setTimeout(async () => {
      this.#refreshing = null;
      const { markets } = await this.#session.request("GET", `/api/market?asset=${encodeURIComponent(asset)}`).catch(() => ({ markets: [] }));
      for (const market of markets) {
        const { low_limit, high_limit, open } = market;
        Object.assign(this.#bySymbol.get(market.symbol) ?? {}, { low_limit, high_limit, open });
        this.#changed(market.symbol);
      }
    }, LIMITS_PAUSE_MILLISECONDS);
  }

  #take(symbol, data) {
    const market = this.get(symbol);
    if (!market) return;
    const before = market.last;
    const { status, last, high, low, volume, bids, asks } = data;
    Object.assign(market, { status, last, high, low, volume, bids, asks, bid: bids[0]?.[0] ?? null, offer: asks[0]?.[0] ?? null });
    market.open ??= before ?? last;
    this.dispatchEvent(Object.assign(new Event("update"), { symbol, before }));
  }

  #changed(symbol) {
    this.dispatchEvent(Object.assign(new Event("update"), { symbol, before: this.get(symbol)?.last }));
  }
}
