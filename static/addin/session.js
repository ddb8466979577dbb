/**
 * The pane's session: a bearer in memory, forgotten with the pane. It begins with an identity token that Outlook gives, or
 * with a sign-in dialog, and is kept up while the pane is open.
 */

import { ApiError } from "./api.js";
import { EXCHANGE } from "./identity.js";

const RENEW_BEFORE = 60_000;

/** The session has ended and only the person can begin another. */
export class SignedOut extends Error {}

/**
 * @param {ReturnType<typeof import("./api.js").createApi>} request
 * @param {ReturnType<typeof import("./api.js").createNotices>} notify
 * @param {ReturnType<typeof import("./identity.js").createIdentity>} identity
 */
export function createSession(request, notify, identity) {
  let bearer = "";
  let held = {}; // what came with the bearer
  let prepared = null;
  let timer = 0;
  let turn = Promise.resolve(); // tokens are asked for one at a time
  let silent = null;

  function take(answer) {
    bearer = answer.bearer;
    held = { renewable: true, personal: true, ...answer };
    prepared = answer.placeholder ?? prepared;
    clearTimeout(timer);
    const keepUp = () => (held.renewable ? renew() : enterSilently());
    timer = setTimeout(() => keepUp().catch(() => {}), Math.max(answer.expires_in * 1000 - RENEW_BEFORE, 5_000));
  }

  function forget() {
    bearer = "";
    held = {};
    clearTimeout(timer);
  }

  /** Begin with what a sign-in dialog brought. @param {object} answer */
  function accept(answer) {
    const known = held.user && !held.renewable; // the token of this pane names a person of the directory already
    take(answer);
    if (!known) inTurn(link).catch(() => {});
  }

  function inTurn(work) {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  }

  /** Let the server know that the person who signed in is the one whom Exchange names: next time no dialog is needed. */
  async function link() {
    const token = await identity.next({ kinds: [EXCHANGE] });
    if (token && bearer) await offer({ body: { token }, bearer });
  }

  /** Hand a token to our server. @returns {Promise<boolean>} whether it was accepted */
  async function offer(message) {
    try {
      take((await request("/session", message)).data);
      return true;
    } catch (problem) {
      if (!isStatus(problem, 400, 401, 413, 500)) throw problem; // 500: this kind is not set up rightly
      identity.refuse();
      return false;
    }
  }

  async function enter(pressed) {
    for (;;) {
      const token = await identity.next({ pressed });
      if (!token) return false;
      if (await offer({ body: { token } })) return true;
    }
  }

  /**
   * Begin a session by the identity tokens of this client, one kind after the other. One attempt at a time: who asks
   * meanwhile gets the outcome of the one that runs.
   * @param {{pressed?: boolean}} [options]  pressed: the person began this, and Outlook may ask for a sign-in
   * @returns {Promise<boolean>}  false: no kind is to be had, or none was accepted
   * @throws {ApiError}  the server is away, or this integration is switched off
   */
  async function enterSilently({ pressed = false } = {}) {
    silent ??= inTurn(() => enter(false)).finally(() => (silent = null));
    return (await silent) || (pressed && inTurn(() => enter(true)));
  }

  async function renew() {
    try {
      take((await request("/session", { body: { renew: true }, bearer })).data);
    } catch (problem) {
      if (!isStatus(problem, 401, 403)) throw problem;
      forget();
      throw new SignedOut();
    }
  }

  async function again() {
    if (bearer && held.renewable) return renew();
    if (await enterSilently()) return undefined;
    forget();
    throw new SignedOut();
  }

  /**
   * Read something that belongs to the person. A refused bearer is replaced once.
   * @param {string} path
   * @throws {SignedOut|ApiError}
   */
  async function get(path) {
    if (bearer) {
      try {
        return (await request(path, { bearer })).data;
      } catch (problem) {
        if (!isStatus(problem, 401)) throw problem;
      }
    }
    await again();
    return (await request(path, { bearer })).data;
  }

  /** Tell the server something that it may miss. @param {string} path @param {object} body */
  function tell(path, body) {
    if (bearer) notify(path, { body, bearer });
  }

  return {
    accept, enterSilently, get, tell,
    isActive: () => bearer !== "",
    /** Who it is, as the directory knows the person; null when it does not. */
    user: () => held.user ?? null,
    /** Whether personal VMRs are to be had in this session. */
    personal: () => bearer !== "" && held.personal,
    /** Why they are not, for a person to read. */
    refusal: () => held.personal_refusal || "",
    /** What to insert while the server is away, unless its time is over. */
    placeholder: () => (prepared && !(Date.parse(prepared.expires) < Date.now()) ? prepared : null),
  };
}

function isStatus(problem, ...statuses) {
  return problem instanceof ApiError && statuses.includes(problem.status);
}
