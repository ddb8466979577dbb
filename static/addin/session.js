/** The pane's session: a bearer in memory, renewed while the pane is open, forgotten with it. */

import { ApiError } from "./api.js";

const RENEW_BEFORE = 60_000;

/** The session has ended and only the person can begin another. */
export class SignedOut extends Error {}

/**
 * @param {ReturnType<typeof import("./api.js").createApi>} request
 * @param {ReturnType<typeof import("./api.js").createNotices>} notify
 */
export function createSession(request, notify) {
  let bearer = "";
  let user = null;
  let timer = 0;

  function accept(answer) {
    bearer = answer.bearer;
    user = answer.user ?? user;
    clearTimeout(timer);
    timer = setTimeout(() => renew().catch(() => {}), Math.max(answer.expires_in * 1000 - RENEW_BEFORE, 5_000));
  }

  function forget() {
    bearer = "";
    user = null;
    clearTimeout(timer);
  }

  async function renew() {
    try {
      accept((await request("/session", { body: { renew: true }, bearer })).data);
    } catch (problem) {
      if (!(problem instanceof ApiError) || ![401, 403].includes(problem.status)) throw problem;
      forget();
      throw new SignedOut();
    }
  }

  /**
   * Read something that belongs to the person. A refused bearer is renewed once.
   * @param {string} path
   * @throws {SignedOut|ApiError}
   */
  async function get(path) {
    if (!bearer) throw new SignedOut();
    try {
      return (await request(path, { bearer })).data;
    } catch (problem) {
      if (!(problem instanceof ApiError) || problem.status !== 401) throw problem;
    }
    await renew();
    return (await request(path, { bearer })).data;
  }

  /** Tell the server something that it may miss. @param {string} path @param {object} body */
  function tell(path, body) {
    if (bearer) notify(path, { body, bearer });
  }

  return { accept, get, tell, isActive: () => bearer !== "", user: () => user };
}
