/**
 * The host (Outlook) as promises. Calls run one after the other, each with a timer of ours, because office.js may throw
 * at once, answer with an error, or never answer at all (design/outlook.md 3.6).
 */

const ANSWER_WITHIN = 8_000;
const ANSWER_WITHIN_AFTER_SILENCE = 2_000;
const MARKS = "addinHost";
const ROOM = "room";
const MAY_CHANGE = 2 | 16 | 32; // create, change own, change all
const WORDS = { 9055: "Outlook does not let this add-in change a calendar that somebody else shares." };

/** A call that the host refused (`code` 9xxx), threw at, or did not answer (`code` "timeout"). */
export class HostError extends Error {
  constructor(call, code, message) {
    super(WORDS[code] || message || `${call} failed`);
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
  let rooms = [];
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
  const hasSet = (version) => Boolean(Office.context.requirements?.isSetSupported("Mailbox", version));
  const readPlaces = async () => {
    if (!item.enhancedLocation || !hasSet("1.8")) return [];
    return (await call("places.get", (done) => item.enhancedLocation.getAsync(done)).catch(() => [])) ?? [];
  };
  return {
    isHtml: async () => (await call("body.getType", (done) => item.body.getTypeAsync(done))) === Office.CoercionType.Html,
    body: (isHtml) => call("body.get", (done) => item.body.getAsync(coercion(isHtml), done)),
    setBody: (text, isHtml) =>
      call("body.set", (done) => item.body.setAsync(text, { coercionType: coercion(isHtml) }, done)),
    prepend: (text, isHtml) =>
      call("body.prepend", (done) => item.body.prependAsync(text, { coercionType: coercion(isHtml) }, done)),
    /** The location as one line. Rooms that a person picked are kept in mind for the calls below. */
    location: async () => {
      const places = await readPlaces();
      rooms = places.filter((place) => place.locationIdentifier?.type === ROOM);
      if (rooms.length) return places.map((place) => place.displayName || place.locationIdentifier.id).join("; ");
      return call("location.get", (done) => item.location.getAsync(done));
    },
    rooms: () => rooms,
    setLocation: (text) => call("location.set", (done) => item.location.setAsync(text, done)),
    addPlaces: (texts) => call("places.add", (done) => item.enhancedLocation.addAsync(texts.map(custom), done)),
    removePlaces: (texts) => call("places.remove", (done) => item.enhancedLocation.removeAsync(texts.map(custom), done)),
    removeRooms: (gone) =>
      call("places.remove", (done) => item.enhancedLocation.removeAsync(gone.map((room) => room.locationIdentifier), done)),
    attendees: async (field) => (await call(`${field}.get`, (done) => attendeesOf(item, field).getAsync(done))) ?? [],
    setAttendees: (field, people) => call(`${field}.set`, (done) => attendeesOf(item, field).setAsync(people, done)),
    invite: (person) => call("required.add", (done) => item.requiredAttendees.addAsync([person], done)),
    isOccurrence: () => Boolean(hasSet("1.7") && item.seriesId),
    /** Whether the server knows the item already, so that it may have been sent. */
    isSaved: async () => {
      if (item.itemId) return true;
      if (!item.getItemIdAsync || !hasSet("1.8")) return false;
      return call("itemId.get", (done) => item.getItemIdAsync(done)).then(Boolean, () => false);
    },
    /** Whether a delegate may write here; one's own calendar is not shared, and then Outlook refuses to tell. */
    canWrite: async () => {
      if (!item.getSharedPropertiesAsync || !hasSet("1.8")) return true;
      const shared = await call("shared.get", (done) => item.getSharedPropertiesAsync(done)).catch(() => null);
      return typeof shared?.delegatePermissions !== "number" || (shared.delegatePermissions & MAY_CHANGE) !== 0;
    },
    marks: async () => readMarks((await loadProperties()).get(MARKS)),
    saveMarks: async (marks) => {
      const store = await loadProperties();
      if (marks.length) store.set(MARKS, JSON.stringify(marks));
      else store.remove(MARKS);
      return call("customProperties.save", (done) => store.saveAsync(done));
    },
  };
}

function attendeesOf(item, field) {
  return field === "required" ? item.requiredAttendees : item.optionalAttendees;
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
