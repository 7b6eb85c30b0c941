// The phone page: polls for what changed, draws it as WhatsApp does, and sends what the person typed, spoke or tapped.
import { styled } from "./whatsapp_text.js";
import { Recorder } from "./recorder.js";

const POLL_MILLISECONDS = 400;
const TICKS = { queued: "…", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!" };

const page = document.querySelector("#phones");
const words = Object.fromEntries(Object.entries(page.dataset).filter(([name]) => name.startsWith("word"))
  .map(([name, word]) => [name.slice(4).toLowerCase(), word]));
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
const known = new Map();
const phones = new Map([...page.querySelectorAll(".phone")].map((section) => [section.dataset.number, new Phone(section)]));
let version = 0;

poll();

async function poll() {
  try {
    const query = new URLSearchParams({ numbers: [...phones.keys()].join(","), after: version });
    const answer = await fetch(`${page.dataset.messages}?${query}`);
    if (!answer.ok) throw new Error(answer.statusText);
    for (const message of (await answer.json()).messages) {
      version = Math.max(version, message.version);
      known.set(message.sid, message);
      phones.get(message.number).show(message);
    }
    await confirmSeen();
    phones.forEach((phone) => phone.notify(""));
  } catch {
    phones.forEach((phone) => phone.notify(words.offline));
  }
  setTimeout(poll, POLL_MILLISECONDS);
}

async function confirmSeen() {
  const seen = [...known.values()].filter((message) => message.direction === "outbound" && message.status === "delivered");
  if (seen.length === 0 || document.visibilityState !== "visible") return;
  await post(page.dataset.read, { sids: seen.map((message) => message.sid) });
}

function post(address, content) {
  return fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
}

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function Phone(section) {
  const number = section.dataset.number;
  const log = section.querySelector(".log");
  const text = section.querySelector("textarea");
  const file = section.querySelector("input[type=file]");
  const notice = section.querySelector(".notice");
  const quoted = section.querySelector(".quoted");
  const record = section.querySelector(".record");
  const bubbles = new Map();
  const recorder = new Recorder();
  let repliedSid = null;
  let atEnd = true;

  log.addEventListener("scroll", () => { atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60; });
  // Whoever reads the newest message still sees it when the window is made narrower.
  new ResizeObserver(() => { if (atEnd) log.scrollTop = log.scrollHeight; }).observe(log);

  this.show = (message) => {
    const drawn = bubbles.get(message.sid);
    if (drawn && message.media_url && !drawn.dataset.media) {  // Its file was fetched after it came.
      const whole = bubble(message);
      drawn.replaceWith(whole);
      bubbles.set(message.sid, whole);
    } else if (drawn) {
      drawn.querySelector(".ticks").replaceWith(ticks(message));
    } else {
      bubbles.set(message.sid, log.appendChild(bubble(message)));
      inOrder();
    }
    if (atEnd || message.direction === "inbound") log.scrollTop = log.scrollHeight;
  };

  this.notify = (words) => {
    if (notice.textContent !== words) notice.textContent = words;
    notice.hidden = !words;
  };

  // Changes arrive in the order in which they were made, so on loading the page an old message may come late.
  function inOrder() {
    const last = log.lastElementChild;
    const later = [...log.children].find((other) => other !== last && other.dataset.at > last.dataset.at);
    if (later) log.insertBefore(last, later);
  }

  function bubble(message) {
    const mine = message.direction === "inbound";
    const made = element("article", mine ? "bubble mine" : "bubble");
    Object.assign(made.dataset, { sid: message.sid, at: message.created_at, testid: mine ? "sent-message" : "received-message" });
    const original = known.get(message.replied_sid);
    if (original) made.append(element("blockquote", "", styled(original.body || words.voice)));
    if (message.media_url) {
      made.dataset.media = message.media_url;
      made.append(media(message));
    }
    // A document shows its title, and no caption.
    if (message.body && message.media_type !== "application/pdf") made.append(element("div", "text", styled(message.body)));
    if (message.buttons.length) made.append(choices(message));
    const time = element("time", "", clock.format(new Date(message.created_at)));
    time.dateTime = message.created_at;
    const reply = element("button", "reply", words.reply);
    reply.type = "button";
    reply.addEventListener("click", () => quote(message));
    made.append(element("footer", "meta", reply, time, ticks(message)));
    return made;
  }

  function ticks(message) {
    const made = element("span", `ticks ${message.status}`, TICKS[message.status]);
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", message.error_code ? `${words.failed} (${message.error_code})` : words[message.status]);
    made.dataset.status = message.status;
    return made;
  }

  function media(message) {
    if (message.media_type === "application/pdf") {
      const link = element("a", "document", `📄 ${message.body || "PDF"}`);
      Object.assign(link, { href: message.media_url, target: "_blank" });
      return link;
    }
    const sound = message.direction === "inbound";
    const made = element(sound ? "audio" : "img");
    made.src = message.media_url;
    if (sound) {
      made.controls = true;
      made.setAttribute("aria-label", words.voice);
    } else {
      made.alt = message.body;
      made.addEventListener("load", () => { if (atEnd) log.scrollTop = log.scrollHeight; });
    }
    return made;
  }

  function choices(message) {
    return element("div", "choices", ...message.buttons.map((choice) => {
      const made = element("button", "", choice.title);
      made.type = "button";
      made.addEventListener("click", () => send({ body: choice.title, button_payload: choice.id, replied_sid: message.sid }));
      return made;
    }));
  }

  function quote(message) {
    repliedSid = message ? message.sid : null;
    quoted.hidden = !message;
    quoted.querySelector("span").replaceChildren(message ? styled(message.body || words.voice) : "");
    text.focus();
  }

  async function send(content) {
    const answer = await post(page.dataset.messages, { number, replied_sid: repliedSid, ...content });
    if (!answer.ok) throw new Error(answer.statusText);
    quote(null);
  }

  async function sendText() {
    const body = text.value.trim();
    if (!body) return;
    text.value = "";
    try {
      await send({ body });
    } catch {
      text.value = body;
      this.notify(words.offline);
    }
  }

  async function sendSound(sound) {
    const answer = await fetch(page.dataset.media, { method: "POST", headers: { "Content-Type": sound.type || "application/octet-stream" }, body: sound });
    if (!answer.ok) throw new Error(answer.statusText);
    await send({ media_sid: (await answer.json()).sid });
  }

  section.querySelector(".composer").addEventListener("submit", (event) => {
    event.preventDefault();
    sendText.call(this);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    sendText.call(this);
  });
  quoted.querySelector("button").addEventListener("click", () => quote(null));
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    file.value = "";
    if (chosen) await sendSound(chosen).catch(() => this.notify(words.failed));
  });
  record.addEventListener("click", async () => {
    try {
      const sound = await recorder.toggle();
      record.setAttribute("aria-pressed", String(recorder.recording));
      if (sound) await sendSound(sound);
    } catch {
      record.setAttribute("aria-pressed", "false");
      this.notify(words.microphone);
    }
  });
}
