/** The server, as the pane sees it: JSON over POST and GET, no cookies, every call with a time limit. */

const ANSWER_WITHIN = 10_000;

/**
 * An answer that is not the one asked for. `status` 0: there was none. `message` may be shown to a person. `placeholder`:
 * what to insert until the server is back, when it sent that. `retryAfter`: seconds, 0 when it named none.
 */
export class ApiError extends Error {
  constructor(status, data, retryAfter = 0) {
    const error = data?.error ?? {};
    super(error.message || (status ? `The server answered ${status}.` : "The server did not answer."));
    this.status = status;
    this.code = error.code || "";
    this.correlationId = error.correlation_id || "";
    this.placeholder = data?.placeholder ?? error.placeholder ?? null;
    this.retryAfter = retryAfter;
  }
}

/**
 * @param {string} base  where the integration lives
 * @param {(line: string) => void} log  never told a token
 */
export function createApi(base, log) {
  /**
   * @param {string} path
   * @param {{body?: object, bearer?: string}} [options]  a body makes it a POST
   * @returns {Promise<{status: number, data: any}>}
   */
  return async function request(path, { body, bearer } = {}) {
    const began = Date.now();
    const headers = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    const options = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) };
    const { status, data, retryAfter } = await fetchJson(base + path, options);
    log(`${options.method} ${path}: ${status}, ${Date.now() - began} ms`);
    if (status < 200 || status > 299) throw new ApiError(status, data, retryAfter);
    return { status, data };
  };
}

/**
 * Something that the server may know and nobody waits for: a POST that outlives the pane, whose answer is ignored.
 * @param {string} base  where the integration lives
 */
export function createNotices(base) {
  return function tell(path, { body, bearer }) {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${bearer}` };
    const options = { method: "POST", headers, body: JSON.stringify(body), credentials: "omit", keepalive: true };
    new Promise((resolve) => resolve(fetch(base + path, options))).catch(() => {});
  };
}

async function fetchJson(address, options) {
  const limit = AbortSignal.timeout(ANSWER_WITHIN);
  try {
    const answer = await fetch(address, { ...options, credentials: "omit", cache: "no-store", signal: limit });
    const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
    return { status: answer.status, data: await answer.json().catch(() => null), retryAfter };
  } catch {
    return { status: 0, data: null };
  }
}
