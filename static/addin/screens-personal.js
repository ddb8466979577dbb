/** Personal VMRs: from the button to the list, and from the list to the appointment. */

import { Cancelled, NotForYou } from "./entering.js";
import { SignedOut } from "./session.js";
import { config, log, view } from "./shared.js";
import { SignInFailed } from "./signin.js";

const FIELD = "addin_pane_personal_vmr";

/**
 * @param {import("./screens.js").Pane} pane
 * @param {ReturnType<typeof import("./entering.js").createEntering>} entering
 */
export function createPersonal(pane, entering) {
  const { session } = pane;

  /** From the button to the list, through the sign-in where that is needed. */
  function choose(button) {
    return pane.press(button, session.personal() ? "Getting your VMRs" : "Signing in", async () => {
      try {
        if (!session.personal()) await entering.enterForPersonal(goOn);
        await listVmrs();
      } catch (problem) {
        showProblem(problem);
      }
    });
  }

  /** Signed in after the pane had given up waiting: go on as if it had not, unless the person did something else. */
  function goOn() {
    if (!pane.isBusy()) listVmrs().catch(showProblem);
  }

  async function listVmrs() {
    const vmrs = await session.get("/personal_vmrs");
    const user = session.user();
    const signedInAs = user?.email || user?.name || "";
    if (vmrs.length) view.list(vmrs, { onPick: (vmr, button) => add(vmr, button, false), next: pane.back(), signedInAs });
    else view.none({ next: [{ text: "Try again", action: choose }, ...pane.back()], signedInAs });
  }

  function showProblem(problem) {
    log(`problem: ${problem.message}`);
    if (problem instanceof Cancelled) return pane.leave();
    if (problem instanceof SignedOut && config.dialog) return pane.home("Your session has ended. Sign in again.");
    const signing = problem instanceof SignInFailed || problem instanceof SignedOut;
    const messageField = signing ? `${FIELD}_error_signing_in_message` : `${FIELD}_error_getting_message`;
    return pane.failed({ messageField, problem, again: problem instanceof NotForYou ? null : choose });
  }

  function add(vmr, button, force) {
    return pane.press(button, "Adding the VMR", async () => {
      try {
        if (!(await pane.mayWrite())) return undefined;
        const outcome = await pane.appointment.insert(vmr, force);
        if (!outcome.done) return pane.askBeforeReplacing((pressed) => add(vmr, pressed, true));
        session.tell("/insertions", { kind: "personal" });
        return pane.added("personal", outcome);
      } catch (problem) {
        const messageField = `${FIELD}_error_inserting_meeting_message`;
        return pane.failed({ messageField, problem, again: (pressed) => add(vmr, pressed, force) });
      }
    });
  }

  return { choose };
}
