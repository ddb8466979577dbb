/**
 * A VMR on an appointment: put there, exchanged, taken away. Body, location and properties change together or not at
 * all, as far as the host lets us: every step can be repeated, and a step that fails takes the earlier ones back.
 */

import { find, fingerprint, replace, wrap } from "./block.js";
import { flatten } from "./html.js";
import { entries, oneLine, withOurs, withoutOurs } from "./location.js";

/** Properties hold 2,500 characters; the newest marks are enough to find a block again after a failed exchange. */
const REMEMBERED = 2;

/**
 * @typedef {{id: number|string, location: string, instructions: string, instructions_text: string}} Vmr
 * @typedef {{done: true, locationFits: boolean} | {done: false}} Outcome  not done: a person edited the block, ask first
 */

/**
 * @param {ReturnType<typeof import("./host.js").appointmentOf>} host
 * @param {(line: string) => void} log
 */
export function createAppointment(host, log) {
  /** Marks of this session. They outlive properties that could not be saved, and calls that were answered too late. */
  let known = [];

  async function read() {
    const isHtml = await host.isHtml();
    const body = await host.body(isHtml);
    const stored = await host.marks();
    const marks = distinct([...known, ...stored]);
    const blocks = await find(body, isHtml, marks);
    log(`blocks found: ${blocks.length}${blocks.some((block) => block.edited) ? ", edited" : ""}`);
    return { isHtml, body, stored, marks, blocks };
  }

  /** Whether the body holds a block of ours. */
  async function isSetUp() {
    return (await read()).blocks.length > 0;
  }

  /**
   * Put a VMR on the appointment, in the place of the one that is there.
   * @param {Vmr} vmr
   * @param {boolean} force  also when a person edited the block
   * @returns {Promise<Outcome>}
   */
  async function insert(vmr, force) {
    const before = await read();
    if (!force && before.blocks.some((block) => block.edited)) return { done: false };
    const source = before.isHtml ? vmr.instructions : vmr.instructions_text;
    const standing = await host.location();
    const location = withOurs(standing, vmr.location, writtenBefore(before, standing));
    const mark = await fingerprint({
      kind: "personal", vmr: vmr.id, source, isHtml: before.isHtml, location: location.fits ? oneLine(vmr.location) : "",
    });
    known = distinct([mark, ...before.marks]);
    const change = { ...before, standing, location: location.value, mark, block: wrap(source, before.isHtml, mark) };
    await allOrNothing(change, async () => {
      await host.saveMarks(known.slice(0, REMEMBERED));
      await write(change);
    });
    return { done: true, locationFits: location.fits };
  }

  /**
   * Take everything of ours out again.
   * @param {boolean} force  also when a person edited the block
   * @returns {Promise<Outcome>}
   */
  async function remove(force) {
    const before = await read();
    if (!force && before.blocks.some((block) => block.edited)) return { done: false };
    const standing = await host.location();
    const location = withoutOurs(standing, writtenBefore(before, standing));
    const change = { ...before, standing, location, mark: null, block: "" };
    await allOrNothing(change, async () => {
      await write(change);
      if (before.stored.length) await host.saveMarks([]);
    });
    known = [];
    return { done: true, locationFits: true };
  }

  async function write({ body, isHtml, blocks, block, standing, location }) {
    if (blocks.length) await host.setBody(replace(body, blocks, block), isHtml);
    else if (block) await host.prepend(block, isHtml);
    await writeLocation(standing, location);
  }

  /** Rooms that a person picked stay rooms: then only entries of ours come and go. */
  async function writeLocation(from, to) {
    if (from === to) return;
    if (!from || !(await host.hasRooms())) return host.setLocation(to);
    const [present, wanted] = [entries(from), entries(to)];
    const gone = present.filter((entry) => !wanted.includes(entry));
    const fresh = wanted.filter((entry) => !present.includes(entry));
    if (gone.length) await host.removePlaces(gone);
    if (fresh.length) await host.addPlaces(fresh);
  }

  async function allOrNothing(change, work) {
    try {
      await work();
    } catch (problem) {
      log(`undoing after: ${problem.message}`);
      await undo(change).catch((another) => log(`undo stopped: ${another.message}`));
      throw problem;
    }
  }

  /** Put back what stood there, reading anew, so that what a person typed meanwhile stays. Stops at the first failure. */
  async function undo({ body, isHtml, stored, mark, blocks, block, standing, location }) {
    const now = await host.body(isHtml);
    if (blocks.length && now === replace(body, blocks, block)) await host.setBody(body, isHtml);
    else if (mark && now !== body) await takeOut(now, isHtml, mark, { body, blocks });
    if ((await host.location()) === location) await writeLocation(location, standing);
    await host.saveMarks(stored);
  }

  async function takeOut(now, isHtml, mark, { body, blocks }) {
    const [fresh] = await find(now, isHtml, [mark]);
    if (!fresh || fresh.edited) return;
    const earlier = blocks.map((block) => body.slice(block.start, block.end)).join("");
    await host.setBody(replace(now, [fresh], earlier), isHtml);
  }

  return { isSetUp, insert, remove };
}

/** What we wrote into the location. When the properties are lost, the addresses that our block holds as well. */
function writtenBefore({ marks, blocks, body, isHtml }, standing) {
  if (marks.length || !blocks.length) return marks.map((mark) => mark.location).filter(Boolean);
  const letters = flatten(body.slice(blocks[0].start, blocks[0].end), isHtml).chars;
  return entries(standing).filter((entry) => entry.includes("://") && letters.includes(flatten(entry, false).chars));
}

function distinct(marks) {
  return marks.filter((mark, index) => marks.findIndex((other) => other.sha === mark.sha && other.location === mark.location) === index);
}
