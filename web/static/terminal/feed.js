// The live feed: one socket that comes back by itself and says where it was, so that no event is lost. See docs/LIVE.md.
const SILENCE_MILLISECONDS_MAX = 15_000;
const PAUSE_MILLISECONDS = { first: 250, longest: 10_000 };
const GATHER_MILLISECONDS = 40;
const CHANNELS_MAX = 100;
const GOING_AWAY = 1001;
const LOGIN_ENDED = 4403;

export class Feed extends EventTarget {
  #session;
  #socket = null;
  #channels = new Map(); // channel: { listeners, position, state: "wanted", "asked", "resuming" or "live" }
  #pause = PAUSE_MILLISECONDS.first;
  #retry = null;
  #heardAt = 0;
  #gathering = null;
  #dropped = new Set();
  #attempt = 0;
  #asked = 0;
  state = "connecting";

  constructor(session) {
    super();
    this.#session = session;
    session.addEventListener("signed-in", () => this.#restart());
    session.addEventListener("signed-out", () => this.#restart());
    addEventListener("online", () => this.#connect());
    setInterval(() => this.#watch(), 1000);
  }

  start() {
    this.#connect();
  }

  // Have a channel's messages given to `listener`, in order and each once; returns what ends that.
  follow(channel, listener) {
    let followed = this.#channels.get(channel);
    if (!followed) {
      if (this.#channels.size >= CHANNELS_MAX) return () => {};
      followed = { listeners: new Set(), position: null, state: "wanted" };
      this.#channels.set(channel, followed);
      this.#dropped.delete(channel);
      this.#gather();
    } else if (followed.last) {
      listener(followed.last);
    }
    followed.listeners.add(listener);
    return () => {
      followed.listeners.delete(listener);
      if (followed.listeners.size === 0 && this.#channels.get(channel) === followed) {
        this.#channels.delete(channel);
        this.#dropped.add(channel);
        this.#gather();
      }
    };
  }

  // Another caller has other orders, and so other positions in them.
  #restart() {
    const orders = this.#channels.get("orders");
    if (orders) orders.position = null;
    this.#pause = PAUSE_MILLISECONDS.first;
    this.#connect();
  }

  async #connect() {
    clearTimeout(this.#retry);
    const attempt = ++this.#attempt;
    this.#close();
    this.#tell("connecting");
    let query = "";
    try {
      if (this.#session.isSignedIn) {
        const { ticket } = await this.#session.request("POST", "/api/auth/ticket");
        query = `?ticket=${encodeURIComponent(ticket)}`;
      }
    } catch {
      if (attempt === this.#attempt) this.#connectLater();
      return;
    }
    if (attempt !== this.#attempt) return;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws${query}`);
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", (event) => this.#socket === socket && this.#heard(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#socket === socket && this.#closed(event.code));
  }

  #opened(socket) {
    if (this.#socket !== socket) return;
    this.#pause = PAUSE_MILLISECONDS.first;
    for (const followed of this.#channels.values()) followed.state = "wanted";
    this.#dropped.clear();
    this.#tell("live");
    this.#ask();
  }

  #closed(code) {
    this.#socket = null;
    if (code === LOGIN_ENDED) this.dispatchEvent(new Event("login-ended"));
    if (code === GOING_AWAY) this.#pause = PAUSE_MILLISECONDS.first;
    this.#connectLater();
  }

  #connectLater() {
    this.#tell("lost");
    clearTimeout(this.#retry);
    // Not all pages at once.
    this.#retry = setTimeout(() => this.#connect(), this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, PAUSE_MILLISECONDS.longest);
  }

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #watch() {
    if (this.#socket && performance.now() - this.#heardAt > SILENCE_MILLISECONDS_MAX) {
      this.#close();
      this.#connectLater();
    }
  }

  #gather() {
    this.#gathering ??= setTimeout(() => this.#ask(), GATHER_MILLISECONDS);
  }

  #ask() {
    clearTimeout(this.#gathering);
    this.#gathering = null;
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (this.#dropped.size) this.#send({ op: "unsubscribe", channels: [...this.#dropped] });
    this.#dropped.clear();
    const wanted = [...this.#channels].filter(([, followed]) => followed.state === "wanted");
    if (wanted.length) this.#subscribe(wanted);
  }

  #subscribe(wanted) {
    const after = Object.fromEntries(wanted.filter(([, followed]) => followed.position !== null)
      .map(([channel, followed]) => [channel, followed.position]));
    const id = ++this.#asked;
    for (const [, followed] of wanted) Object.assign(followed, { state: "asked", asked: id });
    this.#send({ op: "subscribe", channels: wanted.map(([channel]) => channel), after, id });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #heard(message) {
    this.#heardAt = performance.now();
    if (message.event === "error" && message.code === "unavailable") {
      setTimeout(() => this.#askAgain(), PAUSE_MILLISECONDS.first * 4);
      return;
    }
    if (message.event === "subscribed") {
      for (const followed of this.#channels.values()) {
        if (followed.state === "asked" && followed.asked === message.id) followed.state = "resuming";
      }
    }
    const followed = this.#channels.get(message.channel);
    // Until our request is acknowledged, what comes belongs to the one before it.
    if (!followed || followed.state === "asked" || followed.state === "wanted") return;
    if (message.event === "snapshot") followed.state = "live";
    else if (followed.state === "live" && followed.position !== message.prev) {
      // Something was missed: have it told again from where we are.
      this.#subscribe([[message.channel, followed]]);
      return;
    }
    followed.position = message.seq;
    if (message.event === "snapshot" || message.event === "market:update") {
      followed.last = { ...message, event: "snapshot", resumed: true };
    }
    for (const listener of [...followed.listeners]) listener(message);
  }

  #askAgain() {
    for (const followed of this.#channels.values()) if (followed.state === "asked") followed.state = "wanted";
    this.#ask();
  }

  #tell(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
