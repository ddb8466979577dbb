/**
 * Reading HTML as the host returns it, without rebuilding it: every answer is a place in the string that was given, so
 * that what is not ours can be left exactly as it stands.
 */

/**
 * @typedef {{kind: "text"|"open"|"close"|"void"|"other", name: string, start: number, end: number}} Token
 * @typedef {{chars: string, at: number[], ends: number[]}} Flat  the letters without white space, and where each stands
 * @typedef {{start: number, end: number, with: string}} Edit
 */

const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
const RAW = new Set("style script title textarea xmp".split(" "));
const INLINE = new Set("a abbr b big code em font i label p s small span strong sub sup tt u".split(" "));
const BLOCK = /^(?:address|article|blockquote|br|center|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|section|table|td|th|tr|ul)$/;
const TOKEN = /<!--[^]*?(?:-->|$)|<[!?][^>]*>|<(\/?)([a-z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>|[^<]+|</gi;
const LETTER = /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z][a-z0-9]{1,7}));|[^]/gi;
export const BLANK = /[\s\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

const ENTITIES = new Map([["amp", "&"], ["lt", "<"], ["gt", ">"], ["quot", '"'], ["apos", "'"], ["ndash", "–"],
  ["mdash", "—"], ["lsquo", "‘"], ["rsquo", "’"], ["ldquo", "“"], ["rdquo", "”"], ["bdquo", "„"], ["sbquo", "‚"],
  ["bull", "•"], ["hellip", "…"], ["trade", "™"], ["euro", "€"], ["zwnj", "\u200c"], ["zwj", "\u200d"],
  ["oelig", "œ"], ["OElig", "Œ"], ["lsaquo", "‹"], ["rsaquo", "›"], ["ensp", " "], ["emsp", " "], ["thinsp", " "]]);
const LATIN_1 = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 "
  + "acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring "
  + "AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times "
  + "Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute "
  + "ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc "
  + "uuml yacute thorn yuml";
LATIN_1.split(" ").forEach((name, index) => ENTITIES.set(name, String.fromCharCode(160 + index)));

/**
 * Cut HTML into tokens. Together they are the string, in order, except the content of style and its like.
 * @param {string} html
 * @returns {Token[]}
 */
export function tokens(html) {
  const found = [];
  TOKEN.lastIndex = 0;
  for (let match; (match = TOKEN.exec(html)); ) {
    const name = (match[2] || "").toLowerCase();
    const token = { kind: kindOf(match, name), name, start: match.index, end: TOKEN.lastIndex };
    found.push(token);
    if (token.kind === "open" && RAW.has(name)) TOKEN.lastIndex = endOfRaw(html, name, token.end);
  }
  return found;
}

function kindOf(match, name) {
  if (!name) return match[0].startsWith("<") && match[0].length > 1 ? "other" : "text";
  if (match[1]) return VOID.has(name) ? "void" : "close";
  return VOID.has(name) || match[3].endsWith("/") && name.includes(":") ? "void" : "open";
}

function endOfRaw(html, name, from) {
  const at = html.slice(from).search(new RegExp(`</${name}[\\s/>]`, "i"));
  return at < 0 ? html.length : from + at;
}

/**
 * The letters of a text without any white space, each with the place where it stands in the source.
 * @param {string} source
 * @param {boolean} isHtml  whether tags and entities count
 * @returns {Flat}
 */
export function flatten(source, isHtml) {
  const flat = { chars: "", at: [], ends: [] };
  const parts = isHtml ? tokens(source).filter((token) => token.kind === "text") : [{ start: 0, end: source.length }];
  const letters = [];
  for (const { start, end } of parts) {
    for (const match of source.slice(start, end).matchAll(isHtml ? LETTER : /[^]/g)) {
      const text = isHtml ? decode(match) : match[0];
      for (const letter of text.split("")) {
        if (BLANK.test(letter)) continue;
        letters.push(letter);
        flat.at.push(start + match.index);
        flat.ends.push(start + match.index + match[0].length);
      }
    }
  }
  flat.chars = letters.join("");
  return flat;
}

function decode(match) {
  const code = match[1] ? parseInt(match[1], 16) : Number(match[2]);
  if (code) return code <= 0x10ffff ? String.fromCodePoint(code) : match[0];
  return match[3] ? ENTITIES.get(match[3]) ?? match[0] : match[0];
}

/**
 * The lines of a text that hold anything, each without white space.
 * @param {string} source
 * @param {boolean} isHtml
 * @returns {string[]}
 */
export function lines(source, isHtml) {
  const text = isHtml ? tokens(source).map((token) => lineOf(source, token)).join("") : source;
  return text.split(/\r\n|\r|\n/).map((line) => flatten(line, isHtml).chars).filter(Boolean);
}

function lineOf(html, token) {
  if (token.kind === "text") return html.slice(token.start, token.end).replace(/[\r\n]+/g, " ");
  return BLOCK.test(token.name) ? "\n" : "";
}

/**
 * The index of the token that closes an element, or -1 when it is never closed.
 * @param {Token[]} all
 * @param {number} opening  index of its opening tag
 */
export function closing(all, opening) {
  let depth = 0;
  for (let index = opening; index < all.length; index += 1) {
    if (all[index].name !== all[opening].name) continue;
    if (all[index].kind === "open") depth += 1;
    if (all[index].kind === "close" && (depth -= 1) === 0) return index;
  }
  return -1;
}

/**
 * The value of an attribute as it is written in a tag, or "".
 * @param {string} tag
 * @param {string} name
 */
export function attribute(tag, name) {
  const match = new RegExp(`[\\s"']${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, "i").exec(tag);
  return match ? match[1] ?? match[2] ?? match[3] : "";
}

/**
 * For every tag with a partner, the partner's index.
 * @param {Token[]} all
 * @returns {Map<number, number>}
 */
export function pairs(all) {
  const partners = new Map();
  const opened = [];
  for (const [index, token] of all.entries()) {
    if (token.kind === "open") opened.push(index);
    const at = token.kind === "close" ? opened.findLastIndex((open) => all[open].name === token.name) : -1;
    if (at < 0) continue;
    partners.set(index, opened[at]).set(opened[at], index);
    opened.length = at;
  }
  return partners;
}

/**
 * The nearest place at or before one where a block may stand: not inside a paragraph, a link or other inline element.
 * @param {Token[]} all
 * @param {number} place
 */
export function blockPlace(all, place) {
  const open = [];
  for (const token of all) {
    if (token.end > place) break;
    if (token.kind === "open") open.push(token);
    const partner = token.kind === "close" ? open.findLastIndex((other) => other.name === token.name) : -1;
    if (partner >= 0) open.splice(partner);
  }
  let best = place;
  while (open.length && INLINE.has(open[open.length - 1].name)) best = open.pop().start;
  return best;
}

/**
 * Apply edits that do not overlap.
 * @param {string} source
 * @param {Edit[]} edits
 */
export function apply(source, edits) {
  const inOrder = [...edits].sort((one, other) => one.start - other.start || one.end - other.end);
  let result = "";
  let from = 0;
  for (const edit of inOrder) {
    result += source.slice(from, edit.start) + edit.with;
    from = edit.end;
  }
  return result + source.slice(from);
}
