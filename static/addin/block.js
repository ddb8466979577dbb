/**
 * Our block in an appointment's body: made, found again, replaced, taken out.
 *
 * In HTML it is one `<div id="addin-host-XXXXXXXX">`; the eight digits begin the SHA-256 of its letters, so that an edit
 * shows even when everything else is lost. Hosts rewrite attributes, so it is also found by its text (design/outlook.md 5).
 */

import { cutting } from "./cutting.js";
import { apply, attribute, blockPlace, closing, flatten, lines, tokens } from "./html.js";

/**
 * @typedef {{kind: string, vmr: string|number, id: string, first: string, last: string, length: number, sha: string,
 *   location: string, blank: [number, number], tag?: string, mailbox?: string}} Mark  what is remembered of an insertion
 * @typedef {{start: number, end: number, id: string, edited: boolean, edits: import("./html.js").Edit[], place: number,
 *   remnant?: boolean}} Found  where the block stands, whether a person changed it, what takes it out, and where another
 *   may take its place; remnant: only its tag is left
 */

const ID = /^(?:x_)*(addin-host-([0-9a-f]{8}))$/i;
const LINE = 80;
/** Each one costs a look at everything inside it, and a body may hold whatever somebody pasted. */
const MOST_BLOCKS = 50;
const TEXT_GAP = "\n\n";

/**
 * What will be remembered of an insertion.
 * @param {{kind: string, vmr: string|number, source: string, isHtml: boolean, location: string}} what
 * @returns {Promise<Mark>}
 */
export async function fingerprint({ kind, vmr, source, isHtml, location }) {
  const letters = flatten(source, isHtml).chars;
  const all = lines(source, isHtml);
  const sha = await sha256(letters);
  const [first, last] = [all[0] || "", all[all.length - 1] || ""];
  return {
    kind, vmr, id: `addin-host-${sha.slice(0, 8)}`, first: first.slice(0, LINE), last: last.slice(-LINE),
    length: letters.length, sha, location, blank: isHtml ? breaksAround(source) : [0, 0],
  };
}

function breaksAround(source) {
  const shown = tokens(source).filter(({ kind, name, start, end }) => name === "br"
    || (kind === "text" && flatten(source.slice(start, end), true).chars));
  const count = (list) => Math.max(list.findIndex((token) => token.kind === "text"), 0);
  return [count(shown), count(shown.reverse())];
}

/**
 * The block as it is given to the host.
 * @param {string} source
 * @param {boolean} isHtml
 * @param {Mark} mark
 */
export function wrap(source, isHtml, mark) {
  return isHtml ? `<div id="${mark.id}">${source}</div>` : source.replace(/\r\n?/g, "\n").trim() + TEXT_GAP;
}

/**
 * Our blocks in a body. Those that the marks know; when there is none, the topmost that carries an id of ours.
 * @param {string} body
 * @param {boolean} isHtml
 * @param {Mark[]} marks
 * @returns {Promise<Found[]>}  in the order of the body, not overlapping
 */
export async function find(body, isHtml, marks) {
  const all = isHtml ? tokens(body) : [];
  const byId = isHtml ? await findById(body, all, marks) : [];
  const known = byId.filter((block) => marks.some((mark) => mark.id === block.id));
  if (known.length) return apart(known);
  const flat = flatten(body, isHtml);
  for (const exactly of [true, false]) {
    for (const mark of marks) {
      const range = exactly ? await exact(flat, mark) : fuzzy(flat, mark);
      if (!range || byId.some((block) => !exactly && overlap(block, range))) continue;
      return [isHtml ? foundInHtml(body, all, range, mark, !exactly) : foundInText(body, range, mark, !exactly)];
    }
  }
  return byId.slice(0, 1);
}

/**
 * The body with its blocks taken out and, if given, a new one in the place of the first.
 * @param {string} body
 * @param {Found[]} blocks
 * @param {string} [block]  what `wrap` made
 */
export function replace(body, blocks, block = "") {
  const edits = blocks.flatMap((found) => found.edits);
  if (block) edits.unshift({ start: blocks[0].place, end: blocks[0].place, with: block });
  return apply(body, edits);
}

async function findById(body, all, marks) {
  const found = [];
  for (const [index, token] of all.entries()) {
    const id = token.kind === "open" && ID.exec(attribute(body.slice(token.start, token.end), "id"));
    const last = id ? closing(all, index) : -1;
    if (last < 0) continue;
    found.push(await judge(body, all, { id: id[1].toLowerCase(), open: token, close: all[last] }, marks));
    if (found.length === MOST_BLOCKS) break;
  }
  return withoutShells(found);
}

/** Whether a block that carries our id is as we wrote it; when text was added around ours, only ours is the block. */
async function judge(body, all, { id, open, close }, marks) {
  const flat = flatten(body.slice(open.end, close.start), true);
  const whole = { id, start: open.start, end: close.end, place: open.start };
  const edits = [{ start: open.start, end: close.end, with: "" }];
  if ((await sha256(flat.chars)).startsWith(id.slice(-8))) return { ...whole, edited: false, edits };
  for (const mark of marks.filter((candidate) => candidate.id === id)) {
    const range = await exact(flat, mark);
    if (!range) continue;
    const inner = cutting(body, all, { start: range.start + open.end, end: range.end + open.end }, blankOf(mark));
    return { ...whole, edited: false, edits: [{ start: open.start, end: open.end, with: `<${open.name}>` }, ...inner] };
  }
  return { ...whole, edited: true, edits };
}

/** An edited block around an untouched one is what is left of an earlier replacement: not ours any more. */
function withoutShells(found) {
  return found.filter((outer) => !(outer.edited && found.some((inner) => inner !== outer && !inner.edited
    && inner.start > outer.start && inner.end < outer.end)));
}

function apart(found) {
  return found.filter((block, index) => !found.slice(0, index).some((earlier) => overlap(earlier, block)));
}

function overlap(one, other) {
  return one.start < other.end && other.start < one.end;
}

/** Our text, letter by letter as it was written. */
async function exact(flat, mark) {
  if (!mark.first) return null;
  for (let from = flat.chars.indexOf(mark.first); from >= 0; from = flat.chars.indexOf(mark.first, from + 1)) {
    const letters = flat.chars.slice(from, from + mark.length);
    if (letters.endsWith(mark.last) && (await sha256(letters)) === mark.sha) return rangeOf(flat, from, from + mark.length);
  }
  return null;
}

/** From our first line to our last, with something changed between, but not much more than there was. */
function fuzzy(flat, mark) {
  if (!mark.first) return null;
  const most = mark.length * 1.5 + 400;
  for (let from = flat.chars.indexOf(mark.first); from >= 0; from = flat.chars.indexOf(mark.first, from + 1)) {
    const last = flat.chars.indexOf(mark.last, from + (mark.length > mark.first.length ? mark.first.length : 0));
    const to = last + mark.last.length;
    if (last >= 0 && to - from <= most) return rangeOf(flat, from, to);
  }
  return null;
}

function rangeOf(flat, from, to) {
  return { start: flat.at[from], end: flat.ends[to - 1] };
}

function foundInHtml(body, all, range, mark, edited) {
  const edits = cutting(body, all, range, blankOf(mark));
  return { ...range, id: mark.id, edited, edits, place: blockPlace(all, Math.min(range.start, ...edits.map((edit) => edit.start))) };
}

/** Marks come back from the host; one without the count takes no blank line. */
function blankOf(mark) {
  return Array.isArray(mark.blank) ? mark.blank : [0, 0];
}

/** In plain text the empty line that we put after the block goes with it. */
function foundInText(body, { start, end }, mark, edited) {
  const gap = /^[ \t]*(?:\r\n|\r|\n){0,2}/.exec(body.slice(end))[0].length;
  return { start, end, id: mark.id, edited, edits: [{ start, end: end + gap, with: "" }], place: start };
}

/**
 * @param {string} text
 * @returns {Promise<string>}  64 hexadecimal digits
 */
export async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
