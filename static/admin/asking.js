// Asking the server from a page: again and again while something is at work there, and once a person pauses.

const EVERY_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
const QUIET_MS = 250;

/**
 * Ask for JSON every second until `show` says that nothing more will come; less and less often while nobody answers.
 * @param {string} address
 * @param {(found: any) => boolean} show  true when it was the last
 * @param {() => void} [away]  called each time that the server does not answer
 */
export async function poll(address, show, away = () => {}, pause = EVERY_MS) {
  let next = EVERY_MS;
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error" });
    if (answer.status >= 500) throw new Error("no answer");
    if (!answer.ok) return location.reload(); // signed out, or deleted: the page itself says so
    if (show(await answer.json())) return undefined;
  } catch {
    next = Math.min(pause * 2, LONGEST_PAUSE_MS);
    away();
  }
  return setTimeout(poll, next, address, show, away, next);
}

/** Return a function that does `act` once it was not called for a while. @param {() => void} act */
export function afterPause(act) {
  let timer = 0;
  return (quiet = QUIET_MS) => {
    clearTimeout(timer);
    timer = setTimeout(act, quiet);
  };
}

/** Return a `fetch` that gives up what it asked before: an answer that comes late replaces nothing newer. */
export function latest() {
  let running = null;
  return (address, options = {}) => {
    running?.abort();
    running = new AbortController();
    return fetch(address, { ...options, signal: running.signal });
  };
}
