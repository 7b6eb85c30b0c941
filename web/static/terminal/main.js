// The terminal: what is on the page, joined to the session, the feed and each other.
import { Account } from "./account.js";
import { Alerts } from "./alerts.js";
import { byId, setText } from "./elements.js";
import { Feed } from "./feed.js";
import * as figures from "./figures.js";
import { MarketList } from "./market_list.js";
import { MarketView } from "./market_view.js";
import { Markets } from "./markets.js";
import { notify } from "./notices.js";
import { OrderTables } from "./order_tables.js";
import { Orders } from "./orders.js";
import { Portfolio } from "./portfolio.js";
import { say, sayProblem, sayReason } from "./sentences.js";
import { Session } from "./session.js";
import { showTabs, showViews } from "./views.js";
import { Ticket } from "./ticket.js";
import { UnreadNews } from "./unread_news.js";

const CHOSEN = "market"; // In the address, so that a link leads to a contract.
const RETRY_MILLISECONDS = 3000;

const session = new Session();
const feed = new Feed(session);
const markets = new Markets(session, feed, document.documentElement.lang);
const orders = new Orders(session, feed);
const list = new MarketList(markets, choose);
const view = new MarketView(session, feed, markets, orders, (price) => ticket.choosePrice(price));
const ticket = new Ticket(session, markets, orders);
const alerts = new Alerts(session, markets);
const account = new Account(session, feed, orders);
new OrderTables(session, orders, markets);
new Portfolio(session, markets, orders);
new UnreadNews(session, orders);
const turnTo = showViews();
showTabs();

feed.addEventListener("state", showConnection);
view.addEventListener("quote", () => ticket.show());
ticket.addEventListener("sign-in-needed", () => account.ask());
orders.addEventListener("fill", ({ fill }) => {
  const market = markets.get(fill.symbol) ?? { tick_size: "0.01" };
  notify(say(fill.side === "buy" ? "fill_bought" : "fill_sold", {
    quantity: figures.quantity(fill.quantity), market: markets.name(fill.symbol), price: figures.price(fill.price, market), commission: figures.money(fill.commission),
  }), fill.side === "buy" ? "up" : "down");
});
orders.addEventListener("told", ({ order, kind }) => {
  if (kind === "order:expired" || (kind === "order:cancelled" && order.reason !== "canceled_by_trader")) {
    notify(`${say("order_number", { number: order.id })}: ${sayReason(order.reason)}`);
  }
});
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}

feed.start();
await session.resume().catch((problem) => notify(sayProblem(problem), "error"));
await start();

async function start() {
  try {
    await markets.load();
  } catch (problem) {
    setText(byId("market-list"), sayProblem(problem));
    setTimeout(start, RETRY_MILLISECONDS);
    return;
  }
  const asked = new URLSearchParams(location.search).get(CHOSEN);
  show(markets.get(asked) ? asked : markets.all()[0]?.symbol);
}

function choose(symbol) {
  show(symbol);
  turnTo("trade");
}

function show(symbol) {
  if (!symbol) return;
  view.show(symbol);
  list.mark(symbol);
  const market = markets.get(symbol);
  ticket.choose(market);
  alerts.choose(market);
  keepInAddress(new URL(location.href), symbol, (address) => history.replaceState(null, "", address));
  for (const link of document.querySelectorAll(".languages a")) keepInAddress(new URL(link.href), symbol, (address) => { link.href = address; });
}

function keepInAddress(address, symbol, keep) {
  address.searchParams.set(CHOSEN, symbol);
  keep(address);
}

function showConnection() {
  document.body.dataset.connection = feed.state;
  setText(byId("connection-said"), say(feed.state));
}
