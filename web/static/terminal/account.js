// The account: signing in and out, the number that trades for it, and what its STOP froze.
import { byId, setText } from "./elements.js";
import * as figures from "./figures.js";
import { attempt, notify } from "./notices.js";
import { say, sayProblem } from "./sentences.js";

const LINK_LOOK_MILLISECONDS = 3000;

export class Account {
  #session;
  #isNew = false;
  #profile = null;
  #looking = null;

  constructor(session, feed, orders) {
    this.#session = session;
    session.addEventListener("signed-in", () => this.#entered());
    session.addEventListener("signed-out", () => this.#left());
    // A number that was linked, or a STOP, may have ended the feed or the orders.
    feed.addEventListener("login-ended", () => this.#load());
    orders.addEventListener("told", (event) => event.order.reason === "canceled_by_panic" && this.#load());
    byId("open-sign-in").addEventListener("click", () => this.ask());
    byId("sign-in-other").addEventListener("click", () => this.#turn(!this.#isNew));
    byId("sign-in-form").addEventListener("submit", (event) => this.#enter(event));
    byId("sign-out").addEventListener("click", () => attempt(() => session.signOut()));
    byId("open-link").addEventListener("click", () => this.#link());
    byId("link").addEventListener("close", () => clearInterval(this.#looking));
    byId("unlink").addEventListener("click", () => attempt(async () => {
      await session.request("DELETE", "/api/auth/link");
      await this.#load();
    }));
    byId("lift-freeze").addEventListener("click", () => attempt(async () => {
      await session.request("DELETE", "/api/auth/freeze");
      await this.#load();
      notify(say("unfrozen"));
    }));
  }

  ask() {
    this.#turn(false);
    byId("sign-in").showModal();
  }

  #turn(isNew) {
    this.#isNew = isNew;
    const name = say(isNew ? "register" : "sign_in");
    setText(byId("sign-in-heading"), name);
    setText(byId("sign-in-send"), name);
    setText(byId("sign-in-other"), say(isNew ? "to_sign_in" : "to_register"));
    byId("password-rule").hidden = !isNew;
    byId("sign-in-password").autocomplete = isNew ? "new-password" : "current-password";
    setText(byId("sign-in-error"), "");
  }

  async #enter(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const credentials = { username: form.username.value.trim(), password: form.password.value };
    if (!credentials.username || !credentials.password) {
      setText(byId("sign-in-error"), say("both_needed"));
      return;
    }
    const send = byId("sign-in-send");
    send.disabled = true;
    try {
      if (this.#isNew) await this.#session.register({ ...credentials, language: document.documentElement.lang });
      else await this.#session.signIn(credentials);
      form.reset();
      byId("sign-in").close();
    } catch (problem) {
      setText(byId("sign-in-error"), sayProblem(problem));
    } finally {
      send.disabled = false;
    }
  }

  #entered() {
    byId("open-sign-in").hidden = true;
    byId("sign-out").hidden = false;
    byId("number").hidden = false;
    this.#load();
  }

  #left() {
    this.#profile = null;
    byId("open-sign-in").hidden = false;
    for (const id of ["sign-out", "number", "username", "freeze-banner"]) byId(id).hidden = true;
    for (const dialog of document.querySelectorAll("dialog[open]")) if (dialog.id !== "sign-in") dialog.close();
  }

  async #load() {
    let profile;
    try {
      profile = await this.#session.request("GET", "/api/auth/profile");
    } catch {
      return;
    }
    if (!this.#session.isSignedIn) return;
    const linked = this.#profile !== null && this.#profile.number === null && profile.number !== null;
    this.#profile = profile;
    byId("username").hidden = false;
    setText(byId("username"), profile.display_name);
    byId("number-linked").hidden = profile.number === null;
    byId("number-missing").hidden = profile.number !== null;
    setText(byId("number-said"), profile.number ?? "");
    byId("freeze-banner").hidden = !profile.chat_frozen;
    if (linked) {
      byId("link").close();
      notify(say("linked", { phone: profile.number }));
    }
  }

  async #link() {
    setText(byId("link-code"), "\u00a0");
    setText(byId("link-error"), "");
    byId("link").showModal();
    try {
      const shown = await this.#session.request("POST", "/api/auth/link");
      setText(byId("link-code"), say("link_message", { code: shown.code }));
      setText(byId("link-until"), say("good_until", { time: figures.time(shown.expires_at) }));
      const open = byId("link-open");
      open.href = `${open.href.split("?")[0]}?text=${encodeURIComponent(say("link_message", { code: shown.code }))}`;
      // No event tells of a number that is linked, so this looks, and only while the code is shown.
      clearInterval(this.#looking);
      this.#looking = setInterval(() => this.#load(), LINK_LOOK_MILLISECONDS);
    } catch (problem) {
      setText(byId("link-error"), sayProblem(problem));
    }
  }
}
