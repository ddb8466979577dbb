/** Adding a single-use VMR: asked for, or promised when the server is away, then put on the appointment. */

import { ApiError } from "./api.js";
import { SignedOut } from "./session.js";

const ANSWER_WITHIN = 10_000;

/**
 * @typedef {import("./appointment.js").Outcome & {placeholder: boolean}} SingleUseOutcome
 *   placeholder: the server was away, so the text promises joining instructions instead of giving them
 */

/**
 * Get a VMR and put it on the appointment, in the place of the one that is there.
 * @param {object} tools
 * @param {ReturnType<typeof import("./session.js").createSession>} tools.session
 * @param {ReturnType<typeof import("./appointment.js").createAppointment>} tools.appointment
 * @param {boolean} [tools.force]  also when a person edited the block that is there
 * @param {(line: string) => void} tools.log
 * @returns {Promise<SingleUseOutcome>}
 * @throws {SignedOut}  Outlook says nothing about who is asking that our server accepts
 * @throws {ApiError|import("./host.js").HostError}
 */
export async function addSingleUse({ session, appointment, force = false, log }) {
  const room = await getRoom(session, log);
  const outcome = await appointment.insert(room, force);
  if (outcome.done) session.tell("/insertions", { kind: "single-use" });
  return { ...outcome, placeholder: room.placeholder };
}

async function getRoom(session, log) {
  try {
    if (!session.isActive() && !(await session.enterSilently({ pressed: true }))) throw new SignedOut();
    return assigned((await within(ANSWER_WITHIN, session.get("/meeting_details"))).result);
  } catch (problem) {
    const promised = isAway(problem) && usable(problem.placeholder ?? session.placeholder());
    if (!promised) throw problem;
    log(`placeholder after: ${problem.message}`);
    return promised;
  }
}

function assigned(found) {
  if (!found?.alias_id) throw new ApiError(502);
  return { ...common(found), id: found.numeric_alias ?? "", location: found.location ?? "", tag: found.alias_id, placeholder: false };
}

/** The text that was prepared in advance, while it is not too old to be redeemed. */
function usable(prepared) {
  if (!(Date.parse(prepared?.expires) > Date.now())) return null;
  return { ...common(prepared), id: "", location: "", tag: prepared.tok, placeholder: true };
}

function common({ instructions, instructions_text: text, room_email: mailbox, room_name: mailboxName }) {
  return { kind: "single-use", instructions, instructions_text: text, mailbox, mailboxName };
}

function isAway(problem) {
  return problem instanceof ApiError && (problem.status === 0 || problem.status >= 500);
}

/** An answer within a time, however many calls it takes. */
function within(milliseconds, work) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ApiError(0)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
