// My orders: open ones with their changes and cancels, the history, and my trades.
import { Rows, byId, element, setText } from "./elements.js";
import * as figures from "./figures.js";
import { attempt, notify } from "./notices.js";
import { say, sayLifetime, sayProblem, sayReason, sayState } from "./sentences.js";

export class OrderTables {
  #session;
  #orders;
  #markets;
  #open = new Rows(byId("orders"));
  #ended = new Rows(byId("history"));
  #fills = new Rows(byId("fills"));
  #amended = null;
  #key = null;

  constructor(session, orders, markets) {
    this.#session = session;
    this.#orders = orders;
    this.#markets = markets;
    orders.addEventListener("change", () => this.#show());
    markets.addEventListener("loaded", () => this.#show());
    byId("cancel-all").addEventListener("click", () => this.#askCancelAll());
    byId("cancel-all-form").addEventListener("submit", (event) => this.#cancelAll(event));
    byId("amend-form").addEventListener("submit", (event) => this.#amend(event));
  }

  #show() {
    const open = this.#orders.open();
    setText(byId("count-orders"), open.length ? String(open.length) : "");
    byId("cancel-all").disabled = open.length === 0;
    const empty = byId("orders-empty");
    empty.hidden = open.length > 0;
    setText(empty, say(this.#session.isSignedIn ? "no_orders" : "sign_in_for_orders"));
    // Orders may be known before the markets are, whose names and ticks they are shown with.
    const signature = (order) => JSON.stringify([order, this.#markets.name(order.symbol)]);
    this.#open.show(open, (order) => order.id, signature, (order) => this.#openRow(order));
    this.#ended.show(this.#orders.ended(), (order) => order.id, signature, (order) => this.#endedRow(order));
    byId("history-empty").hidden = this.#orders.ended().length > 0;
    this.#fills.show(this.#orders.fills(), (fill) => fill.id, (fill) => this.#markets.name(fill.symbol), (fill) => this.#fillRow(fill));
    byId("fills-empty").hidden = this.#orders.fills().length > 0;
  }

  #openRow(order) {
    const actions = element("td", { class: "actions" });
    if (order.type === "limit") {
      actions.append(element("button", { type: "button", class: "quiet", "data-action": "amend", "data-testid": `amend-${order.id}`, "aria-label": say("amend_order", { number: order.id }), onclick: () => this.#askAmend(order.id) }, say("amend")));
    }
    actions.append(element("button", { type: "button", class: "quiet danger", "data-action": "cancel", "data-testid": `cancel-${order.id}`, "aria-label": say("cancel_order", { number: order.id }), onclick: (event) => this.#cancel(order.id, event.currentTarget) }, say("cancel")));
    const until = order.expires_at ? figures.day(order.expires_at) : sayLifetime(order.time_in_force);
    return element("tr", { "data-testid": `order-${order.id}` }, ...this.#common(order), element("td", { class: "until" }, until), actions);
  }

  #endedRow(order) {
    const why = order.state === "filled" ? "" : sayReason(order.reason) ?? "";
    return element("tr", { "data-testid": `ended-${order.id}` }, ...this.#common(order),
      element("td", {}, element("b", {}, sayState(order.state)), " ", element("span", { class: "quiet-text" }, `${figures.day(order.updated_at)} ${why}`)));
  }

  #fillRow(fill) {
    const market = this.#markets.get(fill.symbol) ?? { tick_size: "0.01" };
    return element("tr", { "data-testid": "fill" },
      element("td", {}, figures.day(fill.occurred_at)), element("td", {}, String(fill.order_id)), element("td", {}, this.#markets.name(fill.symbol)), side(fill.side),
      element("td", { class: "figure" }, figures.price(fill.price, market)), element("td", { class: "figure" }, figures.quantity(fill.quantity)), element("td", { class: "figure" }, figures.money(fill.commission)));
  }

  #common(order) {
    const market = this.#markets.get(order.symbol) ?? { tick_size: "0.01" };
    const price = order.price === null ? say("at_market") : figures.price(order.price, market);
    return [
      element("th", { scope: "row" }, String(order.id)), element("td", {}, this.#markets.name(order.symbol)), side(order.side),
      element("td", { class: "figure" }, price),
      element("td", { class: "figure" }, `${figures.quantity(order.filled_quantity)} / ${figures.quantity(order.quantity)}`),
    ];
  }

  async #cancel(id, button) {
    button.disabled = true;
    await attempt(async () => this.#orders.take(await this.#session.request("DELETE", `/api/orders/${id}`, { key: crypto.randomUUID(), wait: true })));
    button.disabled = false;
  }

  #askCancelAll() {
    this.#key = crypto.randomUUID();
    setText(byId("cancel-all-said"), say("open_count", { count: this.#orders.open().length }));
    setText(byId("cancel-all-error"), "");
    byId("cancel-all-dialog").showModal();
  }

  async #cancelAll(event) {
    event.preventDefault();
    try {
      const { canceled } = await this.#session.request("DELETE", "/api/orders", { key: this.#key, wait: true });
      byId("cancel-all-dialog").close();
      notify(canceled === null ? say("taken") : say("canceled_count", { count: canceled }));
    } catch (problem) {
      setText(byId("cancel-all-error"), sayProblem(problem));
    }
  }

  #askAmend(id) {
    const order = this.#orders.get(id);
    this.#amended = order;
    this.#key = crypto.randomUUID();
    setText(byId("amend-heading"), say("amend_order", { number: id }));
    setText(byId("amend-order"), `${say(order.side === "buy" ? "buy" : "sell")} · ${this.#markets.name(order.symbol)}`);
    byId("amend-quantity").value = figures.typedAmount(order.quantity);
    byId("amend-price").value = figures.typedAmount(order.price);
    setText(byId("amend-error"), "");
    byId("amend").showModal();
    byId("amend-price").select();
  }

  async #amend(event) {
    event.preventDefault();
    const order = this.#amended;
    const quantity = figures.readAmount(byId("amend-quantity").value);
    const price = figures.readAmount(byId("amend-price").value);
    if (quantity === null || price === null) {
      setText(byId("amend-error"), say("unreadable"));
      return;
    }
    const body = {};
    if (!new figures.Big(quantity).eq(order.quantity)) body.quantity = quantity;
    if (!new figures.Big(price).eq(order.price)) body.price = price;
    if (Object.keys(body).length === 0) {
      byId("amend").close();
      return;
    }
    try {
      this.#orders.take(await this.#session.request("PATCH", `/api/orders/${order.id}`, { body, key: this.#key, wait: true }));
      byId("amend").close();
    } catch (problem) {
      // An answer that came decides this try; the next one is another request.
      if (problem.status) this.#key = crypto.randomUUID();
      setText(byId("amend-error"), sayProblem(problem));
    }
  }
}

function side(value) {
  return element("td", { class: value === "buy" ? "up" : "down" }, say(value));
}
