// Who is signed in, and every request to the API. The access token lives in memory; the refresh token in a cookie that no script reads.
const KEPT = "maibroker.signed-in"; // Says only that a cookie is worth trying.
const WAIT_SECONDS = 5;

// What the API refused: `code` is stable, `facts` say what would have been right.
export class Problem extends Error {
  constructor(status, { code = "other", facts = {} }) {
    super(code);
    Object.assign(this, { status, code, facts });
  }
}

export class Session extends EventTarget {
  #token = null;
  #refreshing = null;

  get isSignedIn() {
    return this.#token !== null;
  }

  // Go on where this browser left off, if it was signed in.
  async resume() {
    addEventListener("storage", (event) => {
      if (event.key === KEPT && event.newValue === null && this.isSignedIn) this.#end();
    });
    if (localStorage.getItem(KEPT)) await this.#refresh();
  }

  async signIn(credentials) {
    await this.#begin("/api/auth/login", credentials);
  }

  async register(registration) {
    await this.#begin("/api/auth/register", registration);
  }

  async signOut() {
    await this.request("POST", "/api/auth/logout");
    localStorage.removeItem(KEPT);
    this.#end();
  }

  // The answer's JSON, or null where it has none; raises Problem. `key` makes a repetition harmless, `wait` waits for the market.
  async request(method, path, { body, key, wait } = {}) {
    let answer = await this.#send(method, path, body, key, wait);
    if (answer.status === 401 && this.isSignedIn) {
      await this.#refresh();
      if (this.isSignedIn) answer = await this.#send(method, path, body, key, wait);
    }
    return read(answer);
  }

  async #send(method, path, body, key, wait) {
    const headers = {};
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    if (wait) headers.Prefer = `wait=${WAIT_SECONDS}`;
    try {
      return await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new Problem(0, { code: "unreachable" });
    }
  }

  async #begin(path, content) {
    const tokens = await read(await this.#send("POST", path, { ...content, refresh_token_in: "cookie" }));
    this.#token = tokens.access_token;
    localStorage.setItem(KEPT, "yes");
    this.dispatchEvent(new Event("signed-in"));
  }

  // Once at a time in this page, and one page after another in this browser: a refresh token is good once.
  #refresh() {
    this.#refreshing ??= navigator.locks.request("maibroker.refresh", () => this.#refreshNow())
      .finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #refreshNow() {
    const wasSignedIn = this.isSignedIn;
    try {
      this.#token = (await read(await this.#send("POST", "/api/auth/refresh", {}))).access_token;
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      localStorage.removeItem(KEPT);
      this.#end();
      return;
    }
    if (!wasSignedIn) this.dispatchEvent(new Event("signed-in"));
  }

  #end() {
    this.#token = null;
    this.dispatchEvent(new Event("signed-out"));
  }
}

async function read(answer) {
  if (answer.status === 204) return null;
  const text = await answer.text();
  let content = {};
  try {
    content = JSON.parse(text);
  } catch {
    if (answer.ok) throw new Problem(answer.status, {});
  }
  if (!answer.ok) throw new Problem(answer.status, content);
  return content;
}
