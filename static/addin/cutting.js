/** Taking a run of text out of HTML so that nothing else changes and nothing empty stays behind. */

import { flatten, pairs } from "./html.js";

const STAYS = new Set("html body table tbody tr td th".split(" "));
const HOLLOW = new Set("p div span font b i u o:p".split(" "));

/**
 * The edits that take a run out. Tags that the rest needs stay; elements that held nothing else go, and so do blank lines
 * beside it as far as they are known to be ours.
 * @param {string} html
 * @param {import("./html.js").Token[]} all
 * @param {{start: number, end: number}} range  from its first letter to its last
 * @param {[number, number]} blank  line breaks of ours before the first letter and after the last
 * @returns {import("./html.js").Edit[]}
 */
export function cutting(html, all, { start, end }, blank) {
  const first = all.findIndex((token) => token.end > start);
  const last = all.findLastIndex((token) => token.start < end);
  const text = { html, all, partners: pairs(all), opens: all[first].start === start, closes: all[last].end === end };
  const [from, to] = widened(text, first, last, blank);
  const edits = [];
  for (let index = from; index <= to; index += 1) {
    const partner = text.partners.get(index);
    if (["open", "close"].includes(all[index].kind) && !(partner >= from && partner <= to)) continue;
    edits.push({
      start: index === first ? Math.max(all[index].start, start) : all[index].start,
      end: index === last ? Math.min(all[index].end, end) : all[index].end, with: "",
    });
  }
  return edits;
}

/** The run with what may go beside it: tags around it, then blank lines, then tags again. */
function widened(text, first, last, [before, after]) {
  let [from, to] = [first, last];
  for (let again = true; again; ) {
    const was = to - from;
    [from, to] = withTags(text, from, to);
    if (text.opens && before) [from, before] = blankLines(text, from, -1, before, before);
    if (text.closes && after) [to, after] = blankLines(text, to, 1, after, after - 1);
    again = to - from > was;
  }
  return [from, to];
}

/** Widen over tags whose element holds nothing but the run, or but a part of it. */
function withTags({ html, all, partners, opens, closes }, from, to) {
  const beside = (index, step) => {
    for (index += step; all[index]?.kind === "text" && !html.slice(all[index].start, all[index].end).trim(); ) index += step;
    return partners.has(index) && !STAYS.has(all[index].name) ? index : -1;
  };
  for (;;) {
    const [left, right] = [opens ? beside(from, -1) : -1, closes ? beside(to, 1) : -1];
    const [leftEnd, rightStart] = [partners.get(left), partners.get(right)];
    if (left >= 0 && all[left].kind === "open" && leftEnd >= from && leftEnd <= to) from = left;
    else if (right >= 0 && all[right].kind === "close" && rightStart >= from && rightStart <= to) to = right;
    else if (left >= 0 && left === rightStart) [from, to] = [left, right];
    else return [from, to];
  }
}

/**
 * Widen over blank lines on one side: at most so many line breaks, or so many empty paragraphs.
 * @returns {[number, number]}  the new edge and how many line breaks are left
 */
function blankLines(text, edge, step, breaks, paragraphs) {
  let left = breaks;
  let used = 0;
  for (let index = edge + step; left > 0 && text.all[index]; index += step) {
    const token = text.all[index];
    if (token.kind === "text" && isBlank(text, index, index)) continue;
    if (token.name === "br") {
      [edge, left] = [index, left - 1];
      continue;
    }
    const partner = text.partners.get(index);
    if (!((partner - index) * step > 0) || !isBlank(text, ...[index, partner].sort((a, b) => a - b))) break;
    if ((used += ["p", "div"].includes(token.name) ? 1 : 0) > paragraphs) break;
    [edge, left, index] = [partner, left - (token.name === "p" || token.name === "div" ? 1 : 0), partner];
  }
  return [edge, left];
}

/** Whether a run of tokens shows nothing. */
function isBlank({ html, all }, first, last) {
  const shows = all.slice(first, last + 1).some(({ kind, name }) => kind !== "text" && name !== "br" && !HOLLOW.has(name));
  return !shows && flatten(html.slice(all[first].start, all[last].end), true).chars === "";
}
