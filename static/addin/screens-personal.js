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

  /**
   * From the button to the list, through the sign-in where that is needed.
   * @param {HTMLButtonElement} button
   * @param {boolean} replacing  the person knows that there is a VMR already
   */
  function choose(button, replacing) {
    const again = (pressed) => choose(pressed, replacing);
    const list = () => listVmrs(replacing, again);
    return pane.press(button, session.personal() ? "Getting your VMRs" : "Signing in", async () => {
      try {
        if (!session.personal()) await entering.enterForPersonal(() => goOn(list, again));
        await list();
      } catch (problem) {
        showProblem(problem, again);
      }
    });
  }

  /** Signed in after the pane had given up waiting: go on as if it had not, unless the person did something else. */
  function goOn(list, again) {
    if (!pane.isBusy()) list().catch((problem) => showProblem(problem, again));
  }

  async function listVmrs(replacing, again) {
    const vmrs = await session.get("/personal_vmrs");
    const user = session.user();
    const signedInAs = user?.email || user?.name || "";
    const onPick = (vmr, button) => add(vmr, button, { replacing, force: false });
    if (vmrs.length) view.list(vmrs, { onPick, next: pane.back(), signedInAs });
    else view.none({ next: [{ text: "Try again", action: again }, ...pane.back()], signedInAs });
  }

  function showProblem(problem, again) {
    log(`problem: ${problem.message}`);
    if (problem instanceof Cancelled) return pane.leave();
    if (problem instanceof SignedOut && config.dialog) return pane.home("Your session has ended. Sign in again.");
    const signing = problem instanceof SignInFailed || problem instanceof SignedOut;
    const messageField = signing ? `${FIELD}_error_signing_in_message` : `${FIELD}_error_getting_message`;
    return pane.failed({ messageField, problem, again: problem instanceof NotForYou ? null : again });
  }

  function add(vmr, button, { replacing, force }) {
    return pane.press(button, "Adding the VMR", async () => {
      try {
        if (!(await pane.mayWrite())) return undefined;
        if (!replacing && pane.present.kind === "single-use") return pane.already(false);
        const outcome = await pane.appointment.insert(vmr, force);
        if (!outcome.done) return pane.askBeforeReplacing((pressed) => add(vmr, pressed, { replacing, force: true }));
        session.tell("/insertions", { kind: "personal" });
        return pane.added("personal", outcome);
      } catch (problem) {
        const messageField = `${FIELD}_error_inserting_meeting_message`;
        return pane.failed({ messageField, problem, again: (pressed) => add(vmr, pressed, { replacing, force }) });
      }
    });
  }

  return { choose };
}
