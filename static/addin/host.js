/**
 * The host (Outlook) as promises. Calls run one after the other, each with a timer of ours, because office.js may throw
 * at once, answer with an error, or never answer at all (design/outlook.md 3.6).
 */

const ANSWER_WITHIN = 8_000;
const ANSWER_WITHIN_AFTER_SILENCE = 2_000;
const MARKS = "addinHost";
const ROOM = "room";

/** A call that the host refused (`code` 9xxx), threw at, or did not answer (`code` "timeout"). */
export class HostError extends Error {
  constructor(call, code, message) {
    super(message || `${call} failed`);
    this.call = call;
    this.code = code;
  }
}

/**
 * Wait for office.js to find its host.
 * @param {number} within  milliseconds
 * @returns {Promise<{host: string|null}>}
 */
export function ready(within) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new HostError("onReady", "timeout")), within);
    if (!globalThis.Office) return reject(new HostError("office.js", "missing"));
    return Office.onReady((info) => {
      clearTimeout(timer);
      resolve(info);
    });
  });
}

/**
 * Turn one asynchronous Office.js call into a promise.
 * @param {string} name  for the log
 * @param {(callback: (result: any) => void) => void} start
 * @param {number} [within]  milliseconds; 0 waits for ever
 */
export function promise(name, start, within = ANSWER_WITHIN) {
  return new Promise((resolve, reject) => {
    const timer = within && setTimeout(() => reject(new HostError(name, "timeout", `${name} was not answered`)), within);
    const settle = (result) => {
      clearTimeout(timer);
      if (result?.status === "succeeded") resolve(result.value);
      else reject(new HostError(name, result?.error?.code ?? "no answer", result?.error?.message));
    };
    try {
      start(settle);
    } catch (problem) {
      settle({ error: { code: "thrown", message: problem.message } });
    }
  });
}

/**
 * The appointment that is being written.
 * @param {any} item  Office.context.mailbox.item
 * @param {(line: string) => void} log
 */
export function appointmentOf(item, log) {
  let queue = Promise.resolve();
  let properties = null;
  let patience = ANSWER_WITHIN;
  const call = (name, start) => {
    const began = Date.now();
    const note = (end, silent) => {
      patience = silent ? ANSWER_WITHIN_AFTER_SILENCE : ANSWER_WITHIN;
      log(`${name}: ${end}, ${Date.now() - began} ms`);
    };
    const turn = queue.then(() => promise(name, start, patience));
    queue = turn.then(() => note("done"), (problem) => note(`failed with ${problem.code}`, problem.code === "timeout"));
    return turn;
  };
  const coercion = (isHtml) => (isHtml ? Office.CoercionType.Html : Office.CoercionType.Text);
  const loadProperties = async () => {
    properties ??= await call("loadCustomProperties", (done) => item.loadCustomPropertiesAsync(done));
    return properties;
  };
  return {
    isHtml: async () => (await call("body.getType", (done) => item.body.getTypeAsync(done))) === Office.CoercionType.Html,
    body: (isHtml) => call("body.get", (done) => item.body.getAsync(coercion(isHtml), done)),
    setBody: (text, isHtml) =>
      call("body.set", (done) => item.body.setAsync(text, { coercionType: coercion(isHtml) }, done)),
    prepend: (text, isHtml) =>
      call("body.prepend", (done) => item.body.prependAsync(text, { coercionType: coercion(isHtml) }, done)),
    location: () => call("location.get", (done) => item.location.getAsync(done)),
    setLocation: (text) => call("location.set", (done) => item.location.setAsync(text, done)),
    hasRooms: async () => {
      if (!item.enhancedLocation || !Office.context.requirements?.isSetSupported("Mailbox", "1.8")) return false;
      const places = await call("places.get", (done) => item.enhancedLocation.getAsync(done)).catch(() => []);
      return places.some((place) => place.locationIdentifier?.type === ROOM);
    },
    addPlaces: (texts) => call("places.add", (done) => item.enhancedLocation.addAsync(texts.map(custom), done)),
    removePlaces: (texts) => call("places.remove", (done) => item.enhancedLocation.removeAsync(texts.map(custom), done)),
    marks: async () => readMarks((await loadProperties()).get(MARKS)),
    saveMarks: async (marks) => {
      const store = await loadProperties();
      if (marks.length) store.set(MARKS, JSON.stringify(marks));
      else store.remove(MARKS);
      return call("customProperties.save", (done) => store.saveAsync(done));
    },
  };
}

function custom(text) {
  return { id: text, type: "custom" };
}

/** @returns {import("./block.js").Mark[]}  what was stored, as far as it makes sense */
function readMarks(stored) {
  try {
    const marks = JSON.parse(stored || "[]");
    return Array.isArray(marks) ? marks.filter((mark) => typeof mark?.first === "string" && typeof mark.sha === "string") : [];
  } catch {
    return [];
  }
}
