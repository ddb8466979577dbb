/**
 * Tags of single-use VMRs in a body: `PXPS:-…#`, or `TOK:-…#` in a placeholder. The pane has no key, so it goes by their
 * shape; whether one is ours is found out by the server (addin_host/domain/tag.py).
 */

import { cutting } from "./cutting.js";
import { blockPlace, flatten, tokens } from "./html.js";

const TAG = /(?:(PXPS):-+([A-Z2-7]{58})|(TOK):-+([A-Z2-7]{64}))#?/gi;
const DASHES = /[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/g;

/** Whether a tag promises a VMR that was not to be had yet. @param {string} tag */
export function isPlaceholder(tag) {
  return tag.startsWith("TOK:");
}

/**
 * The tags in a text, as they are printed, and where each stands.
 * @param {string} source
 * @param {boolean} isHtml
 * @returns {{tag: string, start: number, end: number}[]}
 */
export function findTags(source, isHtml) {
  const flat = flatten(source, isHtml);
  const letters = flat.chars.replace(DASHES, "-").replace(/\uff1a/g, ":").replace(/\uff03/g, "#");
  return Array.from(letters.matchAll(TAG)).filter(isOfOneCase).map((match) => ({
    tag: `${(match[1] ?? match[3]).toUpperCase()}:-${(match[2] ?? match[4]).toUpperCase()}#`,
    start: flat.at[match.index], end: flat.ends[match.index + match[0].length - 1],
  }));
}

/** Without its white space a sentence that somebody typed after "TOK: -" has the shape as well, but begins with a capital. */
function isOfOneCase([letters]) {
  return letters === letters.toUpperCase() || letters === letters.toLowerCase();
}

/**
 * What is left of blocks that cannot be recognised: the lines of their tags, as if they were blocks.
 * @param {string} body
 * @param {boolean} isHtml
 * @returns {import("./block.js").Found[]}
 */
export function remnants(body, isHtml) {
  const all = isHtml ? tokens(body) : [];
  return findTags(body, isHtml).map((range) => {
    const edits = isHtml ? cutting(body, all, range, [0, 1]) : [{ ...lineOf(body, range), with: "" }];
    const place = Math.min(...edits.map((edit) => edit.start));
    return { start: range.start, end: range.end, id: "", edited: false, remnant: true, edits, place: blockPlace(all, place) };
  });
}

/** The whole line, when nothing else stands on it. */
function lineOf(text, { start, end }) {
  const before = /[^\r\n]*$/.exec(text.slice(0, start))[0];
  const after = /^[^\r\n]*/.exec(text.slice(end))[0];
  if (before.trim() || after.trim()) return { start, end };
  const next = end + after.length;
  return { start: start - before.length, end: next + /^(?:\r\n|\r|\n)?/.exec(text.slice(next))[0].length };
}
