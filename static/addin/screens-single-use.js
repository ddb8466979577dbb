/** A single-use VMR: one press, and the meeting has its room, or the promise of one. */

import { Cancelled, missing } from "./entering.js";
import { SignedOut } from "./session.js";
import { config, log, view } from "./shared.js";
import { SignInFailed } from "./signin.js";
import { addSingleUse } from "./single-use.js";

/**
 * @param {import("./screens.js").Pane} pane
 * @param {ReturnType<typeof import("./entering.js").createEntering>} entering
 */
export function createSingleUse(pane, entering) {
  const { session } = pane;

  /**
   * @param {HTMLButtonElement} button
   * @param {boolean} replacing  the person knows that there is a VMR already
   * @param {boolean} [force]  and that its text was edited
   */
  function choose(button, replacing, force = false) {
    return pane.press(button, "Assigning a VMR", async () => {
      try {
        if (!(await pane.mayWrite())) return undefined;
        if (!replacing && pane.present.kind === "single-use") return pane.already(false);
        const outcome = await add(force);
        if (!outcome.done) return pane.askBeforeReplacing((pressed) => choose(pressed, true, true));
        return pane.added("single-use", outcome);
      } catch (problem) {
        return showProblem(problem, (pressed) => choose(pressed, replacing, force));
      }
    });
  }

  async function add(force) {
    const work = () => addSingleUse({ session, appointment: pane.appointment, force, log });
    try {
      return await work();
    } catch (problem) {
      if (!(problem instanceof SignedOut) || !config.dialog) throw problem;
    }
    await entering.ask(() => pane.isBusy() || pane.home("You are signed in now."));
    view.say("Assigning a VMR");
    view.offer([]);
    return work();
  }

  function showProblem(problem, again) {
    log(`problem: ${problem.message}`);
    if (problem instanceof Cancelled) return pane.leave();
    const words = refusal(problem);
    if (words) return pane.failed({ problem, again: problem.status === 403 ? null : again, notes: [words] });
    const messageField = problem instanceof SignInFailed
      ? "addin_pane_personal_vmr_error_signing_in_message" : "addin_pane_general_error_message";
    return pane.failed({ messageField, problem: problem instanceof SignedOut ? new Error(missing()) : problem, again });
  }

  return { choose };
}

/** What the server's refusal means for the person, or "" when it is none. */
function refusal({ status, retryAfter }) {
  if (status === 403) return "You may not add a single-use VMR. Ask your administrator for help.";
  if (status !== 429) return "";
  const minutes = Math.ceil(retryAfter / 60);
  const wait = minutes > 1 ? `Try again in ${minutes} minutes.` : "Wait a minute, then try again.";
  return `Too many VMRs were asked for in a short time. ${wait}`;
}
