// One sample on the page: its text as it grows, programs and outputs as cells,
// boxed answers marked. Models write what they like: text becomes text nodes only.

// Pieces {kind: "text" | "code" | "output", text} of a text with programs in it;
// `tags` are those of the request's sandbox, or null.
export function split(text, tags) {
  const pieces = [];
  const add = (kind, from, to) => {
    if (to > from) pieces.push({kind, text: text.slice(from, to)});
  };
  let at = 0;
  while (tags) {
    const end = text.indexOf(tags.code_end, at);
    const limit = end < 0 ? text.length : end;
    const begin = text.lastIndexOf(tags.code_begin, limit - 1);
    if (begin < at) {
      if (end < 0) break;
      add("text", at, end + tags.code_end.length);
      at = end + tags.code_end.length;
      continue;
    }
    add("text", at, begin);
    add("code", begin + tags.code_begin.length, limit);
    if (end < 0) return pieces;
    at = end + tags.code_end.length;
    if (!text.startsWith(tags.code_output_begin, at)) continue;
    const from = at + tags.code_output_begin.length;
    const close = text.indexOf(tags.code_output_end, from);
    const to = close < 0 ? text.length : close;
    pieces.push({kind: "output", text: text.slice(from, to)});
    at = close < 0 ? text.length : close + tags.code_output_end.length;
  }
  add("text", at, text.length);
  return pieces;
}

// Where the boxes \boxed{...} of a text are, [from, to) each; braces balance.
function boxes(text) {
  const found = [];
  let at = 0;
  for (;;) {
    const from = text.indexOf("\\boxed{", at);
    if (from < 0) return found;
    let depth = 1;
    let to = from + 7;
    for (; to < text.length && depth > 0; ++to) {
      if (text[to] === "{") ++depth;
      if (text[to] === "}") --depth;
    }
    if (depth > 0) return found;
    found.push([from, to]);
    at = to;
  }
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function paragraph(text) {
  const node = element("p");
  let at = 0;
  for (const [from, to] of boxes(text)) {
    node.append(text.slice(at, from), element("span", "boxed", text.slice(from + 7, to - 1)));
    at = to;
  }
  node.append(text.slice(at));
  return node;
}

function draw(piece) {
  if (piece.kind === "text") return paragraph(piece.text);
  const cell = element("figure", `cell ${piece.kind}`);
  cell.append(element("figcaption", "", piece.kind === "code" ? "Python" : "Output"),
              element("pre", "", piece.text.replace(/^\n+|\n+$/g, "")));
  return cell;
}

const ENDS = {
  length: "out of tokens",
  timeout: "out of time",
  cancelled: "stopped",
  code_limit: "too many programs",
};

export class Sample {
  constructor(number, tags) {
    this.text = "";
    this.ended = false;
    this.tags = tags;
    this.drawn = [];  // the pieces that are on the page
    this.dirty = false;
    this.node = element("article", "sample");
    const title = element("h3", "", `Sample ${number}`);
    this.state = element("span", "state", "waiting");
    title.append(this.state);
    this.body = element("div", "text");
    this.body.tabIndex = 0;  // so that the keyboard can scroll it
    this.body.setAttribute("role", "group");
    this.body.setAttribute("aria-label", `Text of sample ${number}`);
    this.node.append(title, this.body);
  }

  add(text) {
    this.text += text;
    this.dirty = true;
  }

  end(reason) {
    this.ended = true;
    this.reason = reason;
    this.dirty = true;
  }

  // What the server read in its last box; null: no answer.
  setAnswer(answer) {
    const how = ENDS[this.reason];
    const said = answer === null ? "no answer" : `answer ${answer}`;
    this.state.textContent = how ? `${said}, ${how}` : said;
  }

  // Brings the page up to date. What did not change stays, with its selection.
  show() {
    if (!this.dirty) return;
    this.dirty = false;
    const pieces = split(this.text, this.tags);
    const {scrollTop, scrollHeight, clientHeight} = this.body;
    const follow = scrollTop + clientHeight >= scrollHeight - 8;
    pieces.forEach((piece, i) => {
      const before = this.drawn[i];
      if (before && before.kind === piece.kind && before.text === piece.text) return;
      const node = draw(piece);
      before ? this.body.children[i].replaceWith(node) : this.body.append(node);
    });
    while (this.body.children.length > pieces.length) this.body.lastChild.remove();
    this.drawn = pieces;
    if (follow) this.body.scrollTop = this.body.scrollHeight;
    if (this.ended) return;
    const last = pieces.at(-1)?.kind;
    const closed = this.tags && this.text.endsWith(this.tags.code_end);
    this.state.textContent = last === "code" ? (closed ? "running Python" : "writing Python")
                                             : "thinking";
  }
}
