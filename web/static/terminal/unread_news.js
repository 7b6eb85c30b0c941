// News of the reader's orders that WhatsApp has not shown them: told once, as they come here.
import { repeat } from "./notices.js";

const SEEN_MILLISECONDS = 2000; // How long to gather fills that are seen here, before saying so.

export class UnreadNews {
  #session;
  #seen = null;

  constructor(session, orders) {
    this.#session = session;
    session.addEventListener("signed-in", async () => repeat(await this.#take()));
    // What is seen here as it happens needs no telling later.
    for (const kind of ["fill", "told"]) orders.addEventListener(kind, () => this.#see());
  }

  #see() {
    this.#seen ??= setTimeout(async () => {
      this.#seen = null;
      await this.#take();
    }, SEEN_MILLISECONDS);
  }

  // What cannot be taken now is there the next time.
  #take() {
    return this.#session.request("POST", "/api/account/unread-notices").catch(() => ({ notices: [], left_out: 0 }));
  }
}
