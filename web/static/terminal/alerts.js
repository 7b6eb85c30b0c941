// Price alerts of the linked number: listed, set for the chosen contract, deleted.
import { Rows, byId, element, setText } from "./elements.js";
import * as figures from "./figures.js";
import { attempt } from "./notices.js";
import { say, sayProblem } from "./sentences.js";

export class Alerts {
  #session;
  #markets;
  #rows = new Rows(byId("alerts"));
  #alerts = [];
  #market = null;

  constructor(session, markets) {
    this.#session = session;
    this.#markets = markets;
    session.addEventListener("signed-out", () => this.#take([]));
    byId("alert-form").addEventListener("submit", (event) => this.#add(event));
    byId("tab-alerts").addEventListener("click", () => this.load());
  }

  choose(market) {
    this.#market = market;
  }

  async load() {
    if (!this.#session.isSignedIn) return;
    try {
      this.#take((await this.#session.request("GET", "/api/alerts")).alerts);
    } catch (problem) {
      if (problem.code !== "no_linked_number") setText(byId("alert-error"), sayProblem(problem));
    }
  }

  async #add(event) {
    event.preventDefault();
    const field = byId("alert-price");
    const price = figures.readAmount(field.value);
    setText(byId("alert-error"), price === null ? say("unreadable") : "");
    if (price === null) return;
    try {
      const alert = await this.#session.request("POST", "/api/alerts", { body: { symbol: this.#market.symbol, price } });
      field.value = "";
      this.#take([...this.#alerts, alert]);
    } catch (problem) {
      setText(byId("alert-error"), sayProblem(problem));
    }
  }

  async #delete(id) {
    await attempt(async () => {
      await this.#session.request("DELETE", `/api/alerts/${id}`);
      this.#take(this.#alerts.filter((alert) => alert.id !== id));
    });
  }

  #take(alerts) {
    this.#alerts = alerts;
    setText(byId("count-alerts"), alerts.length ? String(alerts.length) : "");
    byId("alerts-empty").hidden = alerts.length > 0;
    this.#rows.show(alerts, (alert) => alert.id, () => "", (alert) => {
      const market = this.#markets.get(alert.symbol) ?? { tick_size: "0.01" };
      const price = say(alert.direction === "above" ? "or_above" : "or_below", { price: figures.price(alert.price, market) });
      return element("tr", { "data-testid": "alert" }, element("th", { scope: "row" }, this.#markets.name(alert.symbol)), element("td", { class: "figure" }, price), element("td", {}, figures.day(alert.created_at)),
        element("td", { class: "actions" }, element("button", { type: "button", class: "quiet danger", "aria-label": say("delete_alert", { number: alert.id }), onclick: () => this.#delete(alert.id) }, say("delete"))));
    });
  }
}
