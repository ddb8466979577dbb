/** Which screen comes after which: the first one, what became of a press, and what a meeting has already. */

import { createApi, createNotices } from "./api.js";
import { createAppointment } from "./appointment.js";
import { createEntering } from "./entering.js";
import { appointmentOf } from "./host.js";
import { createIdentity } from "./identity.js";
import { keepTab } from "./keyboard.js";
import { createPersonal } from "./screens-personal.js";
import { createSingleUse } from "./screens-single-use.js";
import { createSession } from "./session.js";
import { buttons, config, log, view } from "./shared.js";
import * as words from "./words.js";

/** @typedef {typeof pane} Pane  what the screens share */

const NOTHING = { kind: "", placeholder: false, remnant: false, alone: false };
const USUAL = { canWrite: true, isSent: false, isOccurrence: false };

const request = createApi(config.base, log);
const session = createSession(request, createNotices(config.base), createIdentity({ config, log }));
const entering = createEntering(session, request);

let busy = false;
let touched = false;
let changed = false;
let around = USUAL;
let opened = Promise.resolve();

const pane = {
  session, press, home, leave, back, already, added, failed, mayWrite, askBeforeReplacing,
  appointment: /** @type {ReturnType<typeof createAppointment>|null} */ (null),
  present: /** @type {import("./appointment.js").Assigned} */ (NOTHING),
  isBusy: () => busy,
};
const ways = { personal: createPersonal(pane, entering), "single-use": createSingleUse(pane, entering) };

/** A press on a button of the first screen. @param {"personal"|"single-use"} kind @param {HTMLButtonElement} button */
export function choose(kind, button) {
  return ways[kind].choose(button, false);
}

/** Do one thing at a time: presses during it are dropped. */
async function press(button, progress, work) {
  if (busy) return;
  busy = touched = true;
  const end = view.working(button, progress);
  try {
    await work();
  } finally {
    end();
    busy = false;
  }
}

function home(note) {
  if (config.personal || config.singleUse) view.home({ choices: buttons(choose, session.personal()), note });
  else view.sentence(note || words.NOTHING_IS_ON);
}

/** Whether a VMR may be put here; says so when not. */
async function mayWrite() {
  await opened;
  if (!around.canWrite) view.sentence(words.READ_ONLY);
  else if (isOfSeries()) already(false);
  return around.canWrite && !isOfSeries();
}

/** The way back to what the meeting has already. */
function back() {
  return pane.present.kind ? [{ text: "Back", action: () => busy || already(false) }] : [];
}

function leave() {
  if (pane.present.kind) already(false);
  else home();
}

function failed({ messageField, problem, again, notes = [] }) {
  const reference = problem.correlationId && `Reference: ${problem.correlationId}`;
  const retry = again ? { text: "Try again", primary: true, action: again } : { text: "Back", action: () => busy || leave() };
  view.result({
    name: "problem", icon: "bad", headingField: "addin_pane_general_error_heading", messageField, notes,
    choices: again ? [retry, ...back()] : [retry], details: [problem.message, reference].filter(Boolean),
  });
}

/** @param {"personal"|"single-use"} kind @param {{placeholder?: boolean} & Record<string, any>} outcome */
function added(kind, { placeholder = false, locationFits, mailboxStays, textStays }) {
  changed = true;
  pane.present = { kind, tag: "", placeholder, remnant: false, alone: around.isOccurrence };
  const notes = [!locationFits && words.LOCATION_FULL, mailboxStays && words.MAILBOX_STAYS, textStays && words.TEXT_STAYS];
  const [name, icon, field] = placeholder ? ["placeholder", "wait", "management_node_down"] : ["success", "good", "success"];
  view.result({
    name, icon, headingField: `addin_pane_${field}_heading`, messageField: `addin_pane_${field}_message`,
    notes: notes.filter(Boolean), choices: next(),
  });
}

function already(quiet) {
  const { placeholder, remnant } = pane.present;
  const note = (isOfSeries() && words.OF_SERIES) || (remnant && words.REMNANT) || (placeholder && words.WAITING);
  view.result({
    name: "already", icon: placeholder ? "wait" : "good", headingField: "addin_pane_already_video_meeting_heading",
    messageField: "addin_pane_already_video_meeting_message", notes: note ? [note] : [], choices: next(), quiet,
  });
}

/** The room of a series is changed for the whole series only; one that was put on an occurrence is that one's own. */
function isOfSeries() {
  return around.isOccurrence && pane.present.kind === "single-use" && !pane.present.alone && !changed;
}

function next() {
  if (isOfSeries()) return [];
  const removal = { text: "Remove", action: (button) => remove(button, false) };
  if (pane.present.placeholder && config.singleUse) {
    const again = { text: "Try again", primary: true, action: (button) => replace(button, ["single-use"]) };
    const other = buttons((kind, button) => replace(button, [kind]), session.personal()).filter(({ kind }) => kind === "personal");
    return [again, ...other, removal];
  }
  const kinds = buttons(choose, true).map(({ kind }) => kind);
  return kinds.length ? [{ text: "Replace", action: (button) => replace(button, kinds) }, removal] : [removal];
}

/** Replacing asks what the person has not said yet: which kind, and whether people may get new instructions. */
function replace(button, kinds) {
  if (busy) return undefined;
  const take = (kind, pressed) => ways[kind].choose(pressed, true);
  if (kinds.length === 1 && !around.isSent) return take(kinds[0], button);
  const keep = { text: around.isSent ? "Keep it" : "Back", primary: around.isSent, action: () => busy || already(false) };
  const choices = kinds.length > 1 ? buttons(take, session.personal()).map((one) => ({ ...one, primary: false }))
    : [{ text: "Replace", action: (pressed) => take(kinds[0], pressed) }];
  return view.question({ words: around.isSent ? words.SENT : words.WHICH, choices: [...choices, keep] });
}

function remove(button, force) {
  return press(button, "Removing the VMR", async () => {
    try {
      const { done, mailboxStays, textStays } = await pane.appointment.remove(force);
      if (!done) return ask(words.DISCARDS_REMOVING, "Remove", (pressed) => remove(pressed, true));
      changed = true;
      pane.present = NOTHING;
      return home([words.REMOVED, mailboxStays && words.MAILBOX_STAYS, textStays && words.TEXT_STAYS].filter(Boolean).join(" "));
    } catch (problem) {
      return failed({ problem, again: (pressed) => remove(pressed, force), notes: [words.NOT_REMOVED] });
    }
  });
}

function askBeforeReplacing(action) {
  ask(words.DISCARDS_REPLACING, "Replace", action);
}

function ask(consequence, verb, action) {
  view.question({
    words: `${words.EDITED} ${consequence}`,
    choices: [{ text: verb, action }, { text: "Keep them", primary: true, action: () => already(false) }],
  });
}

/** Look at the appointment once; what is pressed meanwhile goes on, and knows better what is there. */
async function look() {
  const found = await pane.appointment.present().catch(() => NOTHING);
  if (!changed) pane.present = found;
  around = await pane.appointment.circumstances().catch(() => USUAL);
}

/**
 * Find out whether a VMR is there already, and say so unless the person was faster.
 * @param {any} item  Office.context.mailbox.item
 */
export async function begin(item) {
  keepTab(document);
  pane.appointment = createAppointment(appointmentOf(item, log), log, () => session.placeholder()?.room_email ?? "");
  if (!config.personal && !config.singleUse) home();
  entering.begin().then(() => session.personal() && view.knowPerson());
  await (opened = look());
  document.documentElement.dataset.checked = "true";
  if (!around.canWrite && !busy) view.sentence(words.READ_ONLY);
  else if (pane.present.kind && !touched) already(true);
}
