// Nodes of the page: found by id, made without markup, and changed only where something differs.
export function byId(id) {
  return document.getElementById(id);
}

export function element(tag, properties = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...content);
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A table's body: one row a key, in the order given; a row whose content is as before stays the same node.
export class Rows {
  #body;
  #drawn = new Map();

  constructor(body) {
    this.#body = body;
  }

  show(items, keyOf, signatureOf, draw) {
    const kept = new Map();
    for (const item of items) {
      const key = keyOf(item);
      const signature = signatureOf(item);
      const before = this.#drawn.get(key);
      if (before && before.signature === signature) {
        kept.set(key, before);
        continue;
      }
      const hadFocus = before?.node.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
      const node = draw(item);
      before?.node.replaceWith(node);
      if (hadFocus) node.querySelector(`[data-action="${hadFocus}"]`)?.focus();
      kept.set(key, { node, signature });
    }
    for (const [key, { node }] of this.#drawn) if (!kept.has(key)) node.remove();
    let after = null;
    for (const { node } of kept.values()) {
      const place = after ? after.nextSibling : this.#body.firstChild;
      if (place !== node) this.#body.insertBefore(node, place);
      after = node;
    }
    this.#drawn = kept;
  }
}
