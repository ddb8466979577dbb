/** A single-use VMR for the appointment that is being written, without a pane: what the ribbon's command does. */

import { createApi, createNotices } from "./api.js";
import { createAppointment } from "./appointment.js";
import { appointmentOf, ready } from "./host.js";
import { createIdentity } from "./identity.js";
import { createSession, SignedOut } from "./session.js";
import { addSingleUse } from "./single-use.js";

const OFFICE_WITHIN = 10_000;

/**
 * Every press has a session of its own, so that each appointment gets a VMR of its own.
 * @param {{config: any, log: (line: string) => void}} tools
 * @returns {Promise<"success"|"placeholder"|"already"|"signIn">}  already: nothing was changed
 */
export async function addRoom({ config, log }) {
  await ready(OFFICE_WITHIN);
  const session = createSession(createApi(config.base, log), createNotices(config.base), createIdentity({ config, log }));
  const host = readingOnce(appointmentOf(Office.context.mailbox.item, log));
  const appointment = createAppointment(host, log, () => session.placeholder()?.room_email ?? "");
  if (await appointment.isSetUp()) return "already";
  try {
    if (!(await session.enterSilently())) return "signIn";
    const outcome = await addSingleUse({ session, appointment, force: false, log });
    if (!outcome.done) return "already";
    return outcome.placeholder ? "placeholder" : "success";
  } catch (problem) {
    if (problem instanceof SignedOut) return "signIn";
    throw problem;
  }
}

/**
 * The body is read to see whether a VMR is there, and again to add one: the second reading is the first. Without a block
 * of ours a VMR is put in front of what stands there, so that nothing a person types meanwhile is lost.
 */
function readingOnce(host) {
  let type = null;
  let body = null;
  let readings = 0;
  return {
    ...host,
    isHtml: () => (type ??= host.isHtml()),
    body: (isHtml) => {
      readings += 1;
      if (readings !== 2) body = host.body(isHtml);
      return body;
    },
  };
}
