/**
 * A VMR on an appointment: put there, exchanged, taken away. Body, location and properties change together or not at
 * all, as far as the host lets us: every step can be repeated, and a step that fails takes the earlier ones back.
 */

import { createAttendees } from "./attendees.js";
import { find, fingerprint, replace, wrap } from "./block.js";
import { flatten } from "./html.js";
import { entries, oneLine, withOurs, withoutOurs } from "./location.js";
import { findTags, isPlaceholder, remnants } from "./tags.js";

/** Properties hold 2,500 characters; the newest marks are enough to find a block again after a failed exchange. */
const REMEMBERED = 2;

/**
 * @typedef {{kind?: "personal"|"single-use", id: number|string, location: string, instructions: string,
 *   instructions_text: string, tag?: string, mailbox?: string, mailboxName?: string}} Vmr  the last three: single-use
 * @typedef {{done: true, locationFits: boolean, mailboxStays: boolean, textStays: boolean} | {done: false}} Outcome
 *   not done: a person edited the block, ask first. mailboxStays: the equipment mailbox is left to the person;
 *   textStays: the old block could not be recognised, only its tag was taken out
 * @typedef {{kind: "personal"|"single-use"|"", tag: string, placeholder: boolean, remnant: boolean, alone: boolean}} Assigned
 *   alone: put on this occurrence, not on its series
 * @typedef {{isOccurrence: boolean, isSent: boolean, canWrite: boolean}} Circumstances
 */

/**
 * @param {ReturnType<typeof import("./host.js").appointmentOf>} host
 * @param {(line: string) => void} log
 * @param {() => string} [ourMailbox]  the equipment mailbox as the server told it, for marks that were lost
 */
export function createAppointment(host, log, ourMailbox = () => "") {
  const attendees = createAttendees(host);
  /** Marks of this session. They outlive properties that could not be saved, and calls that were answered too late. */
  let known = [];

  async function read() {
    const isHtml = await host.isHtml();
    const stored = await host.marks();
    const body = await host.body(isHtml); // the last one, because somebody may be typing
    const marks = distinct([...known, ...stored]);
    const found = await find(body, isHtml, marks);
    const blocks = found.length ? found : remnants(body, isHtml);
    log(`blocks found: ${blocks.length}${blocks.some((block) => block.edited) ? ", edited" : ""}`);
    return { isHtml, body, stored, marks, blocks, ...assigned({ isHtml, body, marks, blocks }) };
  }

  /** What the topmost block stands for. The body wins over what is remembered. */
  function assigned({ isHtml, body, marks, blocks }) {
    const [block] = blocks;
    const mark = block && marks.find((one) => one.id === block.id);
    const tag = block ? findTags(body.slice(block.start, block.end), isHtml)[0]?.tag ?? mark?.tag ?? "" : "";
    const kind = block && (tag ? "single-use" : mark?.kind || "personal");
    const invited = kind === "single-use" || marks[0]?.kind === "single-use";
    const mailbox = invited ? mark?.mailbox || marks.find((one) => one.mailbox)?.mailbox || ourMailbox() || "" : "";
    return { kind: kind || "", tag, remnant: Boolean(block?.remnant), alone: Boolean(mark?.alone), mailbox };
  }

  /** Whether the body holds a block of ours, or the tag of one. */
  async function isSetUp() {
    return (await read()).blocks.length > 0;
  }

  /** What is assigned now. @returns {Promise<Assigned>} */
  async function present() {
    const { kind, tag, remnant, alone } = await read();
    return { kind, tag, placeholder: isPlaceholder(tag), remnant, alone };
  }

  /** What stays as it is while the pane is open. @returns {Promise<Circumstances>} */
  async function circumstances() {
    return { canWrite: await host.canWrite(), isSent: await host.isSaved(), isOccurrence: host.isOccurrence() };
  }

  /** All that decides what may be offered. @returns {Promise<Assigned & Circumstances>} */
  async function state() {
    return { ...(await present()), ...(await circumstances()) };
  }

  /**
   * Put a VMR on the appointment, in the place of the one that is there.
   * @param {Vmr} vmr
   * @param {boolean} force  also when a person edited the block
   * @returns {Promise<Outcome>}
   */
  async function insert(vmr, force) {
    const standing = await host.location();
    const before = await read();
    if (!force && before.blocks.some((block) => block.edited)) return { done: false };
    const source = before.isHtml ? vmr.instructions : vmr.instructions_text;
    const location = withOurs(standing, vmr.location, writtenBefore(before, standing));
    const mark = await markOf(vmr, source, before.isHtml, location.fits);
    known = distinct([mark, ...before.marks]);
    const change = { ...before, standing, location: location.value, mark, block: wrap(source, before.isHtml, mark), undoing: [] };
    const to = vmr.mailbox ? { address: vmr.mailbox, name: vmr.mailboxName } : null;
    return allOrNothing(change, async () => {
      await host.saveMarks([mark, ...known.slice(1).map(former)].slice(0, REMEMBERED));
      await write(change);
      const gone = await attendees.exchange({ from: before.mailbox, to, undoing: change.undoing });
      return outcome(change, location.fits, gone);
    });
  }

  async function markOf(vmr, source, isHtml, fits) {
    const location = fits ? oneLine(vmr.location) : "";
    const mark = await fingerprint({ kind: vmr.kind ?? "personal", vmr: vmr.id, source, isHtml, location });
    const alone = host.isOccurrence() ? { alone: true } : {};
    return vmr.tag ? { ...mark, tag: vmr.tag, mailbox: vmr.mailbox, ...alone } : mark;
  }

  /**
   * Take everything of ours out again.
   * @param {boolean} force  also when a person edited the block
   * @returns {Promise<Outcome>}
   */
  async function remove(force) {
    const standing = await host.location();
    const before = await read();
    if (!force && before.blocks.some((block) => block.edited)) return { done: false };
    const location = withoutOurs(standing, writtenBefore(before, standing));
    const change = { ...before, standing, location, mark: null, block: "", undoing: [] };
    const done = await allOrNothing(change, async () => {
      await write(change);
      if (before.stored.length) await host.saveMarks([]);
      const gone = await attendees.exchange({ from: before.mailbox, to: null, undoing: change.undoing });
      return outcome(change, true, gone);
    });
    known = [];
    return done;
  }

  /** A single-use VMR whose mailbox nobody knows any more leaves it to the person as well. */
  function outcome({ kind, mailbox, remnant, mark }, locationFits, gone) {
    const unknown = kind === "single-use" && !mailbox && !mark?.mailbox;
    return { done: true, locationFits, mailboxStays: !gone || unknown, textStays: remnant };
  }

  async function write({ body, isHtml, blocks, block, standing, location }) {
    if (blocks.length) await host.setBody(replace(body, blocks, block), isHtml);
    else if (block) await host.prepend(block, isHtml);
    await writeLocation(standing, location);
  }

  /** Rooms that a person picked stay rooms: then only entries of ours come and go. */
  async function writeLocation(from, to) {
    if (from === to) return;
    if (!host.rooms().length) return host.setLocation(to);
    const [present, wanted] = [entries(from), entries(to)];
    const gone = present.filter((entry) => !wanted.includes(entry));
    const fresh = wanted.filter((entry) => !present.includes(entry));
    if (gone.length) await host.removePlaces(gone);
    if (fresh.length) await host.addPlaces(fresh);
  }

  async function allOrNothing(change, work) {
    try {
      return await work();
    } catch (problem) {
      log(`undoing after: ${problem.message}`);
      known = known.map((mark) => (mark === change.mark ? former(mark) : mark));
      await undo(change).catch((another) => log(`undo stopped: ${another.message}`));
      throw problem;
    }
  }

  /** Put back what stood there, reading anew, so that what a person typed meanwhile stays. Stops at the first failure. */
  async function undo({ body, isHtml, stored, mark, blocks, block, standing, location, undoing }) {
    const now = await host.body(isHtml);
    if (blocks.length && now === replace(body, blocks, block)) await host.setBody(body, isHtml);
    else if (mark && now !== body) await takeOut(now, isHtml, mark, { body, blocks });
    if ((await host.location()) === location) await writeLocation(location, standing);
    await host.saveMarks(stored);
    for (const step of undoing.reverse()) await step();
  }

  async function takeOut(now, isHtml, mark, { body, blocks }) {
    const [fresh] = await find(now, isHtml, [mark]);
    if (!fresh || fresh.edited) return;
    const earlier = blocks.map((block) => body.slice(block.start, block.end)).join("");
    await host.setBody(replace(now, [fresh], earlier), isHtml);
  }

  return { isSetUp, present, circumstances, state, insert, remove };
}

/** An older mark finds its block again, should an exchange fail halfway, and says nothing about the appointment. */
function former(mark) {
  return { ...mark, kind: "", tag: undefined, mailbox: undefined };
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
