// WhatsApp's own marks: *bold*, _italic_, ~struck~, ```monospace``` and `code`. Only nodes are made, never markup.
const MARKS = [
  ["code", /```([^]+?)```/],
  ["code", /`([^`\n]+)`/],
  ["strong", /(?<![\p{L}\p{N}])\*(\S(?:[^*\n]*\S)?)\*(?![\p{L}\p{N}])/u],
  ["em", /(?<![\p{L}\p{N}])_(\S(?:[^_\n]*\S)?)_(?![\p{L}\p{N}])/u],
  ["s", /(?<![\p{L}\p{N}])~(\S(?:[^~\n]*\S)?)~(?![\p{L}\p{N}])/u],
];

export function styled(text) {
  const fragment = document.createDocumentFragment();
  const [first] = MARKS.map(([tag, mark]) => ({ tag, found: mark.exec(text) }))
    .filter(({ found }) => found)
    .sort((one, other) => one.found.index - other.found.index);
  if (!first) {
    fragment.append(text);
    return fragment;
  }
  const { tag, found } = first;
  const node = document.createElement(tag);
  node.append(tag === "code" ? found[1] : styled(found[1]));
  fragment.append(text.slice(0, found.index), node, styled(text.slice(found.index + found[0].length)));
  return fragment;
}
