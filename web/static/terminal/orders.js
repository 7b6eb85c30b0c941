// The reader's orders, wherever they were placed: open ones from the feed, ended ones from REST and the feed.
export const OPEN_STATES = new Set(["new", "partially_filled"]);
const SHOWN_MAX = 100;

// Fills of one moment are in the order of the record: "0-117" is the 117th event of shard 0.
function number(fill) {
  return Number(fill.id.split("-")[1]);
}

export class Orders extends EventTarget {
  #session;
  #stop = null;
  #open = new Map();
  #ended = new Map();
  #fills = new Map();

  constructor(session, feed) {
    super();
    this.#session = session;
    session.addEventListener("signed-in", () => {
      this.#load();
      this.#stop ??= feed.follow("orders", (message) => this.#heard(message));
    });
    session.addEventListener("signed-out", () => {
      this.#stop?.();
      this.#stop = null;
      this.#forget();
      this.#changed();
    });
  }

  open() {
    return [...this.#open.values()].sort((one, other) => other.id - one.id);
  }

  ended() {
    return [...this.#ended.values()].sort((one, other) => other.updated_at.localeCompare(one.updated_at) || other.id - one.id).slice(0, SHOWN_MAX);
  }

  fills() {
    return [...this.#fills.values()].sort((one, other) => other.occurred_at.localeCompare(one.occurred_at) || number(other) - number(one)).slice(0, SHOWN_MAX);
  }

  get(id) {
    return this.#open.get(id) ?? this.#ended.get(id);
  }

  ownPrices(symbol) {
    return new Set(this.open().filter((order) => order.symbol === symbol && order.price !== null).map((order) => `${order.side} ${order.price}`));
  }

  // The answer to a request may come before the feed tells of it, or after.
  take(order) {
    this.#put(order);
    this.#changed();
  }

  #heard(message) {
    if (message.event === "snapshot") {
      this.#open.clear();
      for (const order of message.data.orders) this.#put(order);
      if (!message.resumed) this.#load();
    } else if (message.event === "trade:executed") {
      this.#fills.set(message.data.id, message.data);
      this.dispatchEvent(Object.assign(new Event("fill"), { fill: message.data }));
    } else if (message.event.startsWith("order:")) {
      const order = message.data.order ?? message.data;
      this.#put(order);
      this.dispatchEvent(Object.assign(new Event("told"), { order, kind: message.event }));
    }
    this.#changed();
  }

  // What ended and traded, and, until the feed is there, what is open.
  async #load() {
    const [open, ended, fills] = await Promise.all([
      this.#session.request("GET", "/api/orders?status=open&limit=200"),
      this.#session.request("GET", `/api/orders?status=closed&limit=${SHOWN_MAX}`),
      this.#session.request("GET", `/api/account/trades?limit=${SHOWN_MAX}`),
    ]).catch(() => [{ orders: [] }, { orders: [] }, { trades: [] }]);
    if (!this.#session.isSignedIn) return;
    for (const order of [...open.orders, ...ended.orders]) this.#put(order);
    for (const fill of fills.trades) this.#fills.set(fill.id, fill);
    this.#changed();
  }

  // An order never goes back in time.
  #put(order) {
    const known = this.get(order.id);
    if (known && (known.updated_at > order.updated_at || (!OPEN_STATES.has(known.state) && OPEN_STATES.has(order.state)))) return;
    const isOpen = OPEN_STATES.has(order.state);
    (isOpen ? this.#open : this.#ended).set(order.id, order);
    (isOpen ? this.#ended : this.#open).delete(order.id);
  }

  #forget() {
    for (const kept of [this.#open, this.#ended, this.#fills]) kept.clear();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
