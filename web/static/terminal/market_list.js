// The list of contracts by product: the first few of each, all of those that are looked for; live as far as they can be seen.
import { byId, element, setText } from "./elements.js";
import * as figures from "./figures.js";
import { say } from "./sentences.js";

const SHOWN_EACH = 2;
const LIVE_MAX = 60;
const SETTLE_MILLISECONDS = 200;

export class MarketList {
  #markets;
  #choose;
  #list = byId("market-list");
  #search = byId("market-search");
  #rows = new Map();
  #opened = new Set();
  #seen = new Set();
  #live = new Map();
  #settling = null;
  #watcher;
  #chosen = null;

  constructor(markets, choose) {
    this.#markets = markets;
    this.#choose = choose;
    this.#watcher = new IntersectionObserver((entries) => this.#looked(entries), { root: this.#list });
    this.#search.addEventListener("input", () => this.#show());
    markets.addEventListener("loaded", () => this.#show());
    markets.addEventListener("update", (event) => this.#update(event.symbol, event.before));
  }

  mark(symbol) {
    this.#chosen = symbol;
    if (!this.#rows.has(symbol) && this.#markets.get(symbol)) this.#show();
    for (const [shown, row] of this.#rows) row.setAttribute("aria-pressed", String(shown === symbol));
  }

  #show() {
    const typed = this.#search.value.trim();
    const byAsset = Map.groupBy(this.#markets.all().filter((market) => !typed || this.#markets.matches(market, typed)), (market) => market.asset);
    const names = [...byAsset.keys()].sort((one, other) => this.#markets.assetName(one).localeCompare(this.#markets.assetName(other), this.#markets.language));
    this.#watcher.disconnect();
    this.#seen.clear();
    this.#rows.clear();
    this.#list.replaceChildren(...names.map((asset) => this.#group(asset, byAsset.get(asset), typed !== "")));
    if (names.length === 0) this.#list.append(element("p", { class: "empty" }, say("no_market")));
    this.#settle();
  }

  #group(asset, markets, isSearch) {
    const isOpen = isSearch || this.#opened.has(asset);
    const shown = isOpen ? markets : markets.filter((market, place) => place < SHOWN_EACH || market.symbol === this.#chosen || market.volume !== "0");
    const more = markets.length - shown.length;
    const heading = element("h3", {}, this.#markets.assetName(asset));
    const group = element("div", { class: "group", role: "group", "aria-label": this.#markets.assetName(asset) }, heading, ...shown.map((market) => this.#row(market)));
    if (!isSearch && (more > 0 || this.#opened.has(asset))) {
      group.append(element("button", {
        type: "button", class: "more", "aria-expanded": String(isOpen), "data-asset": asset,
        onclick: () => {
          if (!this.#opened.delete(asset)) this.#opened.add(asset);
          this.#show();
          this.#list.querySelector(`.more[data-asset="${asset}"]`)?.focus();
        },
      }, isOpen ? say("fewer") : say("more", { count: more })));
    }
    return group;
  }

  #row(market) {
    const row = element("button", {
      type: "button", class: "row", "data-symbol": market.symbol, "data-testid": `market-${market.symbol}`,
      "aria-pressed": String(market.symbol === this.#chosen), onclick: () => this.#choose(market.symbol),
    }, element("span", { class: "name" }, this.#markets.contractName(market.contract)), element("span", { class: "figure last" }), element("span", { class: "figure change" }), element("span", { class: "figure volume" }));
    this.#rows.set(market.symbol, row);
    this.#fill(row, market);
    this.#watcher.observe(row);
    return row;
  }

  #fill(row, market) {
    const change = this.#markets.change(market);
    const [name, last, changed, volume] = row.children;
    setText(last, figures.price(market.last, market));
    setText(changed, change ? figures.signedPercent(change.percent) : "–");
    changed.classList.toggle("up", Boolean(change?.difference.gt("0")));
    changed.classList.toggle("down", Boolean(change?.difference.lt("0")));
    setText(volume, figures.quantity(market.volume));
    name.classList.toggle("halted", market.status === "halted");
    row.title = market.status === "halted" ? say("halted") : "";
  }

  #update(symbol, before) {
    const row = this.#rows.get(symbol);
    const market = this.#markets.get(symbol);
    if (!row) return;
    this.#fill(row, market);
    if (before == null || before === market.last) return;
    row.classList.remove("rose", "fell");
    void row.offsetWidth; // So that the animation begins anew.
    row.classList.add(new figures.Big(market.last).gt(before) ? "rose" : "fell");
  }

  #looked(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#seen.add(target.dataset.symbol);
      else this.#seen.delete(target.dataset.symbol);
    }
    this.#settle();
  }

  // Scrolling past a row is not looking at it.
  #settle() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      const wanted = new Set([...this.#seen].slice(0, LIVE_MAX));
      for (const [symbol, stop] of this.#live) {
        if (wanted.has(symbol)) continue;
        stop();
        this.#live.delete(symbol);
      }
      for (const symbol of wanted) if (!this.#live.has(symbol)) this.#live.set(symbol, this.#markets.follow(symbol));
    }, SETTLE_MILLISECONDS);
  }
}
