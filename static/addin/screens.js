/** Which screen comes after which. */

import { createApi, createNotices } from "./api.js";
import { createAppointment } from "./appointment.js";
import { appointmentOf } from "./host.js";
import { createIdentity } from "./identity.js";
import { keepTab } from "./keyboard.js";
import { createSession, SignedOut } from "./session.js";
import { config, log, view } from "./shared.js";
import { signIn, SignInFailed } from "./signin.js";

const EDITED = "The joining instructions in this meeting were edited.";
const FIELD = "addin_pane_personal_vmr";

const request = createApi(config.base, log);
const session = createSession(request, createNotices(config.base), createIdentity({ config, log }));
let appointment = null;
let busy = false;
let touched = false;
let setUp = false;
let leaving = new AbortController();

/** Do one thing at a time: presses during it are dropped. */
async function press(button, words, work) {
  if (busy) return;
  busy = touched = true;
  const end = view.working(button, words);
  try {
    await work();
  } finally {
    end();
    busy = false;
  }
}

function home(note) {
  const field = session.isActive() ? `${FIELD}_add_button` : `${FIELD}_sign_in_button`;
  view.home({ field, action: choose, note });
}

/** From the first button to the list, through the sign-in where that is needed. */
export function choose(button) {
  return press(button, session.isActive() ? "Getting your VMRs" : "Signing in", async () => {
    try {
      if (!session.isActive()) await enter();
      await listVmrs();
    } catch (problem) {
      showProblem(problem);
    }
  });
}

async function enter() {
  leaving.abort(new Cancelled());
  leaving = new AbortController();
  const cancel = { text: "Cancel", action: () => leaving.abort(new Cancelled()) };
  const onBlocked = (url) => {
    view.say("Sign in on a page of its own. This pane goes on by itself afterwards.");
    view.offer([{ text: "Open the sign-in page", primary: true, action: () => window.open(url, "_blank", "noopener") }, cancel]);
  };
  view.offer([cancel]);
  session.accept(await signIn({ config, request, signal: leaving.signal, onBlocked, onLate: enterLate, log }));
}

/** Signed in after the pane had given up waiting: go on as if it had not, unless the person did something else. */
function enterLate(answer) {
  if (busy || session.isActive()) return;
  session.accept(answer);
  listVmrs().catch(showProblem);
}

/** The way back to what the meeting has already. */
function back() {
  return setUp ? [{ text: "Back", action: () => busy || already(false) }] : [];
}

class Cancelled extends Error {}

async function listVmrs() {
  const vmrs = await session.get("/personal_vmrs");
  const user = session.user();
  const signedInAs = user?.email || user?.name || "";
  if (vmrs.length) view.list(vmrs, { onPick: (vmr, button) => add(vmr, button, false), next: back(), signedInAs });
  else view.none({ next: [{ text: "Try again", action: choose }, ...back()], signedInAs });
}

function showProblem(problem) {
  log(`problem: ${problem.message}`);
  if (problem instanceof Cancelled) return setUp ? already(false) : home();
  if (problem instanceof SignedOut) return home("Your session has ended. Sign in again.");
  const field = problem instanceof SignInFailed ? `${FIELD}_error_signing_in_message` : `${FIELD}_error_getting_message`;
  return failed(field, problem, choose);
}

function failed(messageField, problem, again, notes = []) {
  const reference = problem.correlationId && `Reference: ${problem.correlationId}`;
  view.result({
    name: "problem", icon: "bad", headingField: "addin_pane_general_error_heading", messageField, notes,
    choices: [{ text: "Try again", primary: true, action: again }, ...back()],
    details: [problem.message, reference].filter(Boolean),
  });
}

function add(vmr, button, force) {
  return press(button, "Adding the VMR", async () => {
    try {
      const outcome = await appointment.insert(vmr, force);
      setUp = true;
      if (outcome.done) {
        session.tell("/insertions", { kind: "personal" });
        return added(outcome.locationFits);
      }
      return ask("Replacing them discards those changes.", "Replace", (pressed) => add(vmr, pressed, true));
    } catch (problem) {
      return failed(`${FIELD}_error_inserting_meeting_message`, problem, (pressed) => add(vmr, pressed, force));
    }
  });
}

function added(locationFits) {
  const note = "The location is too long to hold the address of the VMR as well. It was left as it is.";
  view.result({
    name: "success", icon: "good", headingField: "addin_pane_success_heading",
    messageField: "addin_pane_success_message", notes: locationFits ? [] : [note], choices: next(),
  });
}

function already(quiet) {
  view.result({
    name: "already", icon: "good", headingField: "addin_pane_already_video_meeting_heading",
    messageField: "addin_pane_already_video_meeting_message", choices: next(), quiet,
  });
}

function next() {
  const removal = { text: "Remove", action: (button) => remove(button, false) };
  return config.personal ? [{ text: "Replace", action: choose }, removal] : [removal];
}

function remove(button, force) {
  return press(button, "Removing the VMR", async () => {
    try {
      const outcome = await appointment.remove(force);
      setUp = !outcome.done;
      if (outcome.done) return start("The VMR was removed from this meeting.");
      return ask("Removing them discards those changes.", "Remove", (pressed) => remove(pressed, true));
    } catch (problem) {
      const words = "There was a problem removing the joining instructions. Please try again.";
      return failed("", problem, (pressed) => remove(pressed, force), [words]);
    }
  });
}

function ask(consequence, verb, action) {
  view.question({
    words: `${EDITED} ${consequence}`,
    choices: [{ text: verb, action }, { text: "Keep them", primary: true, action: () => already(false) }],
  });
}

function start(note) {
  if (config.personal) home(note);
  else view.sentence(note || (config.singleUse
    ? "Single-use VMRs cannot be added from this pane yet, and personal VMRs are switched off."
    : "No kind of VMR is switched on. Ask your administrator to switch on personal VMRs."));
}

/**
 * Find out whether a VMR is there already, and say so unless the person was faster.
 * @param {any} item  Office.context.mailbox.item
 */
export async function begin(item) {
  keepTab(document);
  appointment = createAppointment(appointmentOf(item, log), log);
  if (!config.personal) start();
  const found = await appointment.isSetUp().catch(() => false);
  setUp ||= found;
  document.documentElement.dataset.checked = "true";
  if (found && !touched) already(true);
}
