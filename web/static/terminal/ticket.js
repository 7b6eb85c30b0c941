// The order ticket: what is asked, what it costs and what the price may be, all seen before it is sent; sent once.
import { byId, setText } from "./elements.js";
import * as figures from "./figures.js";
import { Big } from "./figures.js";
import { say, sayProblem, sayReason, sayState } from "./sentences.js";

const AT_ONCE = new Set(["IOC", "FOK"]);
const FAR_PERCENT = "5";

export class Ticket extends EventTarget {
  #session;
  #markets;
  #orders;
  #form = byId("ticket-form");
  #rate = new Big(byId("terminal").dataset.commissionRate);
  #market = null;
  #key = crypto.randomUUID();
  #isSending = false;

  constructor(session, markets, orders) {
    super();
    this.#session = session;
    this.#markets = markets;
    this.#orders = orders;
    this.#form.addEventListener("input", () => {
      // Another order from here on: the one before cannot be meant by sending this one.
      this.#key = crypto.randomUUID();
      this.#clear();
      this.show();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    for (const name of ["signed-in", "signed-out"]) session.addEventListener(name, () => this.show());
  }

  choose(market) {
    if (market === this.#market) return;
    this.#market = market;
    this.#key = crypto.randomUUID();
    this.#form.price.value = "";
    this.#clear();
    this.show();
  }

  choosePrice(price) {
    this.#form.type.value = "limit";
    this.#form.price.value = figures.typedAmount(price);
    this.#form.dispatchEvent(new Event("input"));
    this.#form.quantity.focus({ preventScroll: true });
  }

  show() {
    const market = this.#market;
    if (!market) return;
    const form = this.#form;
    const isMarket = form.type.value === "market";
    setText(byId("ticket-market"), this.#markets.name(market.symbol));
    form.dataset.side = form.side.value;
    form.price.disabled = isMarket;
    for (const option of form.time_in_force.options) option.disabled = isMarket && !AT_ONCE.has(option.value);
    if (form.time_in_force.selectedOptions[0]?.disabled) form.time_in_force.value = "IOC";
    byId("ticket-until-field").hidden = form.time_in_force.value !== "GTT";
    form.post_only.disabled = isMarket || AT_ONCE.has(form.time_in_force.value);
    if (form.post_only.disabled) form.post_only.checked = false;
    const { low_limit: low, high_limit: high } = market;
    setText(byId("ticket-band"), low == null ? "\u00a0" : say("band", { low: figures.price(low, market), high: figures.price(high, market) }));
    this.#showCost(isMarket);
    const send = form.querySelector(".send");
    send.disabled = this.#isSending;
    setText(send, this.#session.isSignedIn ? this.#line() : say("sign_in_to_trade"));
  }

  // "Buy 100 Wheat Dec25 at 150.00"
  #line() {
    const form = this.#form;
    const quantity = figures.readAmount(form.quantity.value);
    const price = figures.readAmount(form.price.value);
    const isMarket = form.type.value === "market";
    const words = [say(form.side.value)];
    if (quantity !== null) words.push(figures.quantity(quantity));
    words.push(this.#markets.name(this.#market.symbol));
    if (isMarket) words.push(say("at_market"));
    else if (price !== null) words.push(say("at_price", { price: figures.price(price, this.#market) }));
    return words.join(" ");
  }

  #showCost(isMarket) {
    const quantity = figures.readAmount(this.#form.quantity.value);
    const price = figures.readAmount(this.#form.price.value);
    const isBuy = this.#form.side.value === "buy";
    let total = null;
    let warning = "";
    if (isMarket && quantity !== null) {
      const met = this.#met(new Big(quantity), isBuy ? this.#market.asks : this.#market.bids);
      total = met.total;
      if (met.missing.gt("0")) warning = say("thin_book", { quantity: figures.quantity(met.missing.toString()) });
    } else if (quantity !== null && price !== null) {
      total = new Big(quantity).times(price);
      warning = this.#farFrom(new Big(price), isBuy);
    }
    setText(byId("cost-total-name"), say(isMarket ? "about_total" : "total"));
    setText(byId("cost-total"), total ? figures.money(total.round(2, Big.roundHalfUp).toFixed(2)) : "–");
    setText(byId("cost-commission"), total ? figures.money(total.times(this.#rate).round(2, Big.roundHalfUp).toFixed(2)) : "–");
    setText(byId("ticket-warning"), warning);
  }

  // What a market order would meet of what is shown of the book.
  #met(quantity, levels = []) {
    let missing = quantity;
    let total = new Big("0");
    for (const [price, offered] of levels) {
      const taken = missing.lt(offered) ? missing : new Big(offered);
      total = total.plus(taken.times(price));
      missing = missing.minus(taken);
    }
    return { total, missing };
  }

  #farFrom(price, isBuy) {
    const best = isBuy ? this.#market.offer : this.#market.bid;
    if (best == null) return "";
    const worse = isBuy ? price.minus(best) : new Big(best).minus(price);
    const percent = worse.times("100").div(best);
    if (percent.lt(FAR_PERCENT)) return "";
    return say(isBuy ? "far_above" : "far_below", { percent: figures.signedPercent(percent).replace(/^\+/, ""), best: figures.price(best, this.#market) });
  }

  async #send() {
    if (this.#isSending) return;
    if (!this.#session.isSignedIn) {
      this.dispatchEvent(new Event("sign-in-needed"));
      return;
    }
    const body = this.#order();
    if (body === null) return;
    this.#isSending = true;
    this.#clear();
    this.show();
    try {
      const order = await this.#session.request("POST", "/api/orders", { body, key: this.#key, wait: true });
      this.#orders.take(order);
      // Emptied, so that a second press finds no order to send.
      this.#form.quantity.value = "";
      this.#key = crypto.randomUUID();
      this.#told(order);
    } catch (problem) {
      // The key stays: sent again unchanged, it counts once, whether or not the market has taken it.
      this.#refuse(sayProblem(problem));
    } finally {
      this.#isSending = false;
      this.show();
    }
  }

  #order() {
    const form = this.#form;
    const quantity = figures.readAmount(form.quantity.value);
    if (quantity === null) return this.#refuse(say(form.quantity.value.trim() ? "unreadable" : "no_quantity"), form.quantity);
    const order = { symbol: this.#market.symbol, side: form.side.value, type: form.type.value, quantity, time_in_force: form.time_in_force.value, post_only: form.post_only.checked };
    if (order.type === "limit") {
      order.price = figures.readAmount(form.price.value);
      if (order.price === null) return this.#refuse(say(form.price.value.trim() ? "unreadable" : "no_price"), form.price);
    }
    if (order.time_in_force === "GTT") {
      if (!form.until.value) return this.#refuse(say("no_until"), form.until);
      order.expires_at = new Date(form.until.value).toISOString();
    }
    return order;
  }

  #told(order) {
    const number = say("order_number", { number: order.id });
    if (order.state === "rejected") {
      this.#refuse(`${number}: ${sayState(order.state)}. ${sayReason(order.reason)}`);
      return;
    }
    const words = [`${number}: ${sayState(order.state)}.`];
    if (order.average_price !== null) words.push(say("filled_at", { filled: figures.quantity(order.filled_quantity), price: figures.price(order.average_price, this.#market) }));
    if (order.reason) words.push(sayReason(order.reason));
    setText(byId("ticket-result"), words.join(" "));
  }

  #refuse(text, field = null) {
    setText(byId("ticket-error"), text);
    field?.setAttribute("aria-invalid", "true");
    field?.focus();
    return null;
  }

  #clear() {
    setText(byId("ticket-error"), "");
    setText(byId("ticket-result"), "");
    for (const field of this.#form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  }
}
