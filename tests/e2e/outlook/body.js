// The body of an appointment as Outlook on the web keeps it: one HTML document or one plain text.

const COERCION = { TEXT: 0, HTML: 3 };
const BLOCKS = new Set(["ADDRESS", "BLOCKQUOTE", "DIV", "H1", "H2", "H3", "H4", "H5", "H6", "HR", "LI", "OL", "P", "PRE",
  "TABLE", "TR", "UL"]);
const NOT_SHOWN = new Set(["HEAD", "SCRIPT", "STYLE", "TITLE"]);
const INVALID_FORMAT = 9031;

// Thrown by an answer; `code` is what the add-in sees as error code.
export class HostFailure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// How the editor treats HTML that an add-in hands over. Real clients differ; every switch is a thing seen in one.
export const REWRITING = {
  none: { wrap: false, ids: "keep", classes: true, data: true, styles: false, tidy: false },
  gentle: { wrap: true, ids: "keep", classes: true, data: false, styles: true, tidy: false },
  harsh: { wrap: true, ids: "drop", classes: false, data: false, styles: true, tidy: true },
};

export function parse(html) {
  return new DOMParser().parseFromString(html ?? "", "text/html");
}

export function escaped(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}

export function toText(html) {
  const parts = [];
  collect(parse(html).body, parts);
  return parts.join("").replace(/[ \t]+\n/g, "\n").replace(/^\n+|\s+$/g, "");
}

function collect(node, parts) {
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      parts.push(child.data.replace(/[\s\u00a0]+/g, " "));
    } else if (child.nodeName === "BR") {
      parts.push("\n");
    } else if (child.nodeType === Node.ELEMENT_NODE && !NOT_SHOWN.has(child.nodeName)) {
      collectElement(child, parts);
    }
  }
}

function collectElement(element, parts) {
  const block = BLOCKS.has(element.nodeName);
  if (block && parts.length && !parts.at(-1).endsWith("\n")) parts.push("\n");
  collect(element, parts);
  if (element.nodeName === "TD" || element.nodeName === "TH") parts.push("\t");
  if (block && parts.length && !parts.at(-1).endsWith("\n")) parts.push("\n");
}

function rewriteElement(element, how) {
  for (const name of element.getAttributeNames()) {
    if (name.startsWith("on") || (name.startsWith("data-") && !how.data)) element.removeAttribute(name);
  }
  if (how.ids === "drop") element.removeAttribute("id");
  if (how.ids === "prefix" && element.id) element.id = `x_${element.id}`;
  if (!how.classes) element.removeAttribute("class");
  // The browser's own serialisation of a style differs from what was written, as an editor's does.
  if (how.styles && element.hasAttribute("style")) element.setAttribute("style", element.style.cssText);
}

// Unnamed blocks that hold nothing but other blocks are merged away, and runs of white space become one blank.
function tidy(root) {
  for (const element of [...root.querySelectorAll("div")]) {
    const bare = element.attributes.length === 0 && [...element.children].some((child) => BLOCKS.has(child.nodeName));
    if (bare) element.replaceWith(...element.childNodes);
  }
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/[ \t\r\n]+/g, " ");
}

export class Body {
  constructor({ type = "html", content = "", rewriting = "gentle" } = {}) {
    this.type = type;
    this.how = typeof rewriting === "string" ? REWRITING[rewriting] : { ...REWRITING.gentle, ...rewriting };
    this.content = type === "html" ? this.rewritten(content) : content;
  }

  rewritten(html) {
    const page = parse(html);
    for (const element of page.querySelectorAll("script")) element.remove();
    for (const element of page.body.querySelectorAll("*")) rewriteElement(element, this.how);
    if (this.how.tidy) tidy(page.body);
    return page.body.innerHTML;
  }

  get(coercion) {
    if (this.type === "text") return coercion === COERCION.HTML ? this.shell(lines(this.content)) : this.content;
    return coercion === COERCION.HTML ? this.shell(this.content) : toText(this.content);
  }

  shell(html) {
    return this.how.wrap ? `<html><head></head><body lang="EN-US"><div class="elementToProof">${html}</div></body></html>` : html;
  }

  set(data, coercion) {
    this.content = this.accepted(data, coercion);
  }

  prepend(data, coercion) {
    this.content = this.accepted(data, coercion) + this.content;
  }

  // What an add-in hands over, in the form that this body is kept in.
  accepted(data, coercion) {
    if (this.type === "text") {
      if (coercion === COERCION.HTML) throw new HostFailure(INVALID_FORMAT, "the body is plain text");
      return data;
    }
    if (coercion !== COERCION.HTML) return lines(data);
    return this.unshelled(this.rewritten(data));
  }

  // An add-in that read the whole document and writes it back must not nest one wrapper in another.
  unshelled(html) {
    const body = parse(html).body;
    const only = body.children.length === 1 && body.firstElementChild.classList.contains("elementToProof");
    return only ? body.firstElementChild.innerHTML : html;
  }
}

function lines(text) {
  return escaped(text).replace(/\r?\n/g, "<br>");
}
