/** The location line of an appointment: one line, 255 characters, shared with the person who writes it. */

export const LIMIT = 255;
const GLUE = "; ";
const BEFORE = /(?:^|[\s;,|])$/;
const AFTER = /^(?:$|[\s;,|])/;

/**
 * Put our text into a location, in the place of what we wrote before when that is still there.
 * @param {string} current  what stands there
 * @param {string} ours
 * @param {string[]} [earlier]  texts that we wrote before
 * @returns {{value: string, fits: boolean}}  without our text when both do not fit
 */
export function withOurs(current, ours, earlier = []) {
  const text = oneLine(ours);
  const standing = [text, ...earlier].find((candidate) => placeOf(current, candidate) >= 0);
  const written = standing ? swap(current, standing, text) : append(current, text);
  const value = withoutOurs(written, earlier.filter((other) => other !== text));
  return value.length <= LIMIT ? { value, fits: true } : { value: withoutOurs(current, [text, ...earlier]), fits: false };
}

/**
 * Take our texts out of a location, each with the separator that came with it.
 * @param {string} current
 * @param {string[]} earlier
 */
export function withoutOurs(current, earlier) {
  return earlier.reduce((value, ours) => swap(value, ours, ""), current);
}

/** The entries of a location. @param {string} text */
export function entries(text) {
  return text.split(/\s*;\s*/).filter(Boolean);
}

/** @param {string} text */
export function oneLine(text) {
  return text.replace(/[\s\u2028\u2029]+/g, " ").trim();
}

function append(current, text) {
  if (!text) return current;
  return current.trim() ? current + GLUE + text : text;
}

function swap(current, ours, text) {
  const place = placeOf(current, ours);
  if (place < 0) return current;
  const before = current.slice(0, place);
  const after = current.slice(place + ours.length);
  if (text) return before + text + after;
  if (before.endsWith(GLUE)) return before.slice(0, -GLUE.length) + after;
  return before.trim() ? before + after : after.replace(/^\s*;\s*/, "");
}

/** Where our text stands as an entry of its own (never as the beginning of a longer address), or -1. */
function placeOf(current, ours) {
  if (!ours) return -1;
  for (let place = current.indexOf(ours); place >= 0; place = current.indexOf(ours, place + 1)) {
    if (BEFORE.test(current.slice(0, place)) && AFTER.test(current.slice(place + ours.length))) return place;
  }
  return -1;
}
