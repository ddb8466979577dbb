/**
 * Who is asking: identity tokens that Outlook gives without a question, one kind after the other as the integration
 * prefers them and as this client can (design/outlook.md 4.1). A token is handed on and not kept.
 */

import { promise } from "./host.js";
import { createNaa, wantsPerson } from "./naa.js";

export const EXCHANGE = "EXCHANGE_USER_ID_TOKEN";
const SSO = "SSO_TOKEN";
const NAA = "NAA_TOKEN";

/** What a mailbox can have, by its account type. Others are unknown, and what the client says it supports decides. */
const OF_ACCOUNT = { enterprise: [EXCHANGE], office365: [SSO, NAA], outlookCom: [], gmail: [] };
/** Exchange does not issue tokens to add-ins, and will not a moment later. */
const NEVER = new Set([9017, 9018, 9042]);
const WITHIN = { [EXCHANGE]: 5_000, [SSO]: 10_000, [NAA]: 10_000 };
const ASKING_WITHIN = 180_000;
const TRY_AGAIN_AFTER = 60_000;
const ONE_PRESS = 1_000;
const INTERACTION = "interaction required";
const SILENTLY = { allowSignInPrompt: false, allowConsentPrompt: false, forMSGraphAccess: false };

/**
 * @param {object} tools
 * @param {{kinds: string[], naa: Parameters<typeof createNaa>[0], dialog?: boolean}} tools.config
 * @param {(line: string) => void} tools.log  never told a token
 */
export function createIdentity({ config, log }) {
  const naa = createNaa(config.naa ?? null);
  const refused = new Set();
  const failed = new Map(); // when a kind was last tried in vain
  const wanting = new Set(); // kinds that go on only if the person may be asked
  let last = "";

  const supported = {
    [EXCHANGE]: () => typeof Office.context.mailbox?.getUserIdentityTokenAsync === "function",
    [SSO]: () => Boolean(Office.auth?.getAccessToken && Office.context.requirements?.isSetSupported("IdentityAPI", "1.3")),
    [NAA]: naa.isSupported,
  };
  const start = {
    [EXCHANGE]: (done) => Office.context.mailbox.getUserIdentityTokenAsync(done),
    [SSO]: (done) => settle(Office.auth.getAccessToken(SILENTLY), done),
    [NAA]: (done, asking) => settle(naa.token(asking), done),
  };

  function fits(kind) {
    const possible = OF_ACCOUNT[Office.context.mailbox?.userProfile?.accountType];
    return (!possible || possible.includes(kind)) && Boolean(supported[kind]?.());
  }

  /** Ask for a token of a kind, within a time of ours: office.js may never answer. */
  async function ask(kind, asking) {
    const began = Date.now();
    try {
      const token = await promise(kind, (done) => start[kind](done, asking), asking ? ASKING_WITHIN : WITHIN[kind]);
      log(`identity: ${kind}, ${Date.now() - began} ms`);
      failed.delete(kind);
      wanting.delete(kind);
      return typeof token === "string" && token ? token : null;
    } catch (problem) {
      log(`identity: ${kind} failed with ${problem.code}, ${Date.now() - began} ms`);
      note(kind, problem);
      return null;
    }
  }

  function note(kind, problem) {
    if (NEVER.has(problem.code)) refused.add(kind);
    else if (problem.code === INTERACTION) wanting.add(kind);
    else failed.set(kind, Date.now());
  }

  /** Where there is no dialog to fall back to, whoever presses again is not made to wait a minute. */
  function isOut(kind, pressed) {
    const pause = pressed && !config.dialog ? ONE_PRESS : TRY_AGAIN_AFTER;
    const lately = Date.now() - (failed.get(kind) ?? -Infinity) < pause;
    return lately || refused.has(kind) || !fits(kind);
  }

  async function tokenOf(kind, pressed) {
    if (isOut(kind, pressed)) return null;
    const silent = wanting.has(kind) ? null : await ask(kind, false);
    return silent || !pressed || !wanting.has(kind) ? silent : ask(kind, true);
  }

  /**
   * A token of the first kind that this client gives, or null when none is left.
   * @param {{pressed?: boolean, kinds?: string[]}} [options]  pressed: the person began this, and may be asked
   * @returns {Promise<string|null>}
   */
  async function next({ pressed = false, kinds = config.kinds ?? [] } = {}) {
    for (const kind of (config.kinds ?? []).filter((one) => kinds.includes(one))) {
      last = kind;
      const token = await tokenOf(kind, pressed).catch(() => null);
      if (token) return token;
    }
    last = "";
    return null;
  }

  /** Our server did not accept the last token: this pane asks for none of its kind any more. */
  function refuse() {
    if (last) refused.add(last);
    log(`identity: ${last} refused`);
  }

  /** Begin again with all kinds. */
  function reset() {
    refused.clear();
    failed.clear();
    wanting.clear();
  }

  return { next, refuse, reset };
}

/** A promise as an answer of Office.js. Only a code is kept of a failure: texts of a library may hold anything. */
function settle(work, done) {
  const code = (problem) => (wantsPerson(problem) ? INTERACTION : problem?.errorCode ?? problem?.code ?? problem?.name);
  work.then(
    (value) => done({ status: "succeeded", value }),
    (problem) => done({ error: { code: code(problem) } }),
  );
}
