/** Letting a person in: silently where Outlook says who it is, else through the sign-in dialog, which can be left. */

import { config, log, view } from "./shared.js";
import { signIn } from "./signin.js";

const WAIT_FOR_SILENCE = 3_000;

/** The person left the sign-in. */
export class Cancelled extends Error {}

/** The server knows who is asking and says why there are no personal VMRs; `message` is for a person. */
export class NotForYou extends Error {}

/**
 * @param {ReturnType<typeof import("./session.js").createSession>} session
 * @param {ReturnType<typeof import("./api.js").createApi>} request
 */
export function createEntering(session, request) {
  let leaving = new AbortController();
  let silent = null;

  /** Begin with what Outlook says, without a word to the person. @returns {Promise<any>} */
  function begin() {
    if (config.kinds?.length) silent = session.enterSilently().catch((problem) => log(`identity: ${problem.message}`));
    return silent ?? Promise.resolve();
  }

  /**
   * The sign-in dialog.
   * @param {() => void} onLate  signed in after the pane had given up waiting
   */
  async function ask(onLate) {
    leaving.abort(new Cancelled());
    leaving = new AbortController();
    const cancel = { text: "Cancel", action: () => leaving.abort(new Cancelled()) };
    const onBlocked = (url) => {
      view.say("Sign in on a page of its own. This pane goes on by itself afterwards.");
      view.offer([{ text: "Open the sign-in page", primary: true, action: () => window.open(url, "_blank", "noopener") }, cancel]);
    };
    const late = (answer) => {
      session.accept(answer);
      onLate();
    };
    view.offer([cancel]);
    session.accept(await signIn({ config, request, signal: leaving.signal, onBlocked, onLate: late, log }));
  }

  /** Let somebody in who may have personal VMRs. @param {() => void} onLate */
  async function enterForPersonal(onLate) {
    if (silent) await Promise.race([silent, new Promise((resolve) => setTimeout(resolve, WAIT_FOR_SILENCE))]);
    if (session.personal()) return;
    if (config.dialog) await ask(onLate);
    else if (!session.isActive()) await session.enterSilently({ pressed: true });
    if (!session.personal()) throw new NotForYou(session.isActive() ? session.refusal() || UNKNOWN : missing());
  }

  return { begin, ask, enterForPersonal };
}

const UNKNOWN = "This add-in does not know which VMRs are yours. Ask your administrator for help.";
const KINDS = {
  EXCHANGE_USER_ID_TOKEN: "Exchange identity tokens", SSO_TOKEN: "Office single sign-on", NAA_TOKEN: "nested app authentication",
};

/** What is missing when nobody can say who is asking. */
export function missing() {
  const names = (config.kinds ?? []).map((kind) => KINDS[kind] ?? kind).join(", ");
  if (!names) return "This add-in has no way to find out who you are. Ask your administrator to switch one on.";
  return `This Outlook does not prove who you are in a way that this add-in accepts (${names}). Ask your administrator for help.`;
}
