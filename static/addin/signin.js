/**
 * Signing in through a dialog. The dialog brings a one-time code by messageParent; since a provider's page may cut the
 * dialog off, the pane also asks the server, and whichever comes first decides (design/outlook.md 4.4). Both need the
 * verifier, which never leaves the pane except to our own server.
 */

import { ApiError } from "./api.js";

const ASK_EVERY = 2_000;
const ASK_FOR = 180_000;
const ASK_AFTER_CLOSED = 10_000;

const WORDS = {
  12002: "The sign-in page could not be opened. Check your network connection.",
  12003: "The sign-in page is not served over https. Tell your administrator.",
  12004: "Outlook does not trust the address of the sign-in page. Tell your administrator.",
  12005: "The sign-in page is not served over https. Tell your administrator.",
  12006: "The sign-in window was closed before you were signed in. If it is still open, finish there: this pane goes on by itself.",
  12007: "A sign-in window is already open. Finish signing in there, or close it.",
  12009: "Outlook asked to open the sign-in window and was told to ignore it. Choose Allow next time.",
  lost: "The server did not confirm the sign-in.",
  expired: "Signing in took longer than three minutes.",
};

/** Signing in ended without a session; `message` says why, to a person. */
export class SignInFailed extends Error {
  constructor(reason, problem) {
    super(problem?.message || WORDS[reason] || `Outlook could not open the sign-in window (${reason}).`);
    this.reason = reason;
    this.correlationId = problem?.correlationId || "";
  }
}

/**
 * @param {object} tools
 * @param {{origin: string, base: string}} tools.config
 * @param {ReturnType<typeof import("./api.js").createApi>} tools.request
 * @param {AbortSignal} tools.signal  ends the waiting, also the one that goes on after a failure
 * @param {(answer: object) => void} tools.onLate  signed in after all, in a window that Outlook took for closed
 * @param {(url: string) => void} tools.onBlocked  no dialog could be opened: let the person open this address
 * @param {(line: string) => void} tools.log
 * @returns {Promise<{bearer: string, expires_in: number, user: {name: string, email: string}}>}
 */
export async function signIn({ config, request, signal, onBlocked, onLate, log }) {
  const verifier = random(32);
  const nonce = random(16);
  const hash = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const url = `${config.origin}${config.base}/signin?hash=${hash}&nonce=${nonce}`;
  const waiting = createWaiting({ request, verifier, signal, onLate, log });
  const dialog = openDialog(url, {
    log,
    onBlocked: () => onBlocked(url),
    onFailed: (code) => waiting.fail(code),
    onClosed: () => waiting.hurry("12006"),
    onMessage: (text, origin) => {
      const message = origin === config.origin ? parse(text) : null;
      if (message?.nonce !== nonce) return log("dialog: a message that is not ours was dropped");
      return message.code ? waiting.redeem(message.code) : waiting.refused();
    },
  });
  try {
    return await waiting.outcome;
  } finally {
    dialog.close();
  }
}

/**
 * Asks the server, one request at a time, until it knows the outcome or the time is over. A page that cuts the dialog off
 * looks closed while the person is still typing there: after the outcome was given up, asking goes on.
 */
function createWaiting({ request, verifier, signal, onLate, log }) {
  const end = Date.now() + ASK_FOR;
  let settled = false;
  let over = false;
  let deadline = end;
  let reason = "expired";
  let queue = Promise.resolve();
  let settle;
  const outcome = new Promise((resolve, reject) => {
    const once = (finish) => (value) => {
      settled = true;
      finish(value);
    };
    settle = { resolve: once(resolve), reject: once(reject) };
  });
  const ask = (body) => {
    queue = queue.then(async () => {
      if (over) return;
      try {
        const { status, data } = await request("/session", { body });
        if (status !== 200) return;
        over = true;
        if (settled) onLate(data);
        else settle.resolve(data);
      } catch (problem) {
        log(`sign-in: ${problem.message}`);
        if (!(problem instanceof ApiError && problem.status === 403)) return;
        over = true;
        settle.reject(new SignInFailed("refused", problem));
      }
    });
    return queue;
  };
  const fail = (why, problem) => {
    over = true;
    settle.reject(new SignInFailed(why, problem));
  };
  const hurry = (why) => {
    reason = why;
    deadline = Math.min(deadline, Date.now() + ASK_AFTER_CLOSED);
  };
  const poll = async () => {
    await pause(ASK_EVERY);
    await ask({ verifier });
    if (Date.now() >= deadline) settle.reject(new SignInFailed(reason));
    over ||= Date.now() >= end;
    if (!over) poll();
  };
  signal.addEventListener("abort", () => {
    over = true;
    settle.reject(signal.reason);
  });
  poll();
  return {
    outcome,
    hurry,
    fail,
    redeem: (code) => ask({ code, verifier }).then(() => hurry("lost")),
    refused: () => ask({ verifier }).then(() => fail("refused", { message: "You were not signed in." })),
  };
}

/** Opens the dialog and reports what becomes of it. */
function openDialog(url, { onBlocked, onFailed, onClosed, onMessage, log }) {
  let dialog = null;
  let over = false;
  const opened = (result) => {
    log(`dialog: ${result.status} ${result.error?.code ?? ""}`);
    if (result.status !== "succeeded") return result.error?.code === 12011 ? onBlocked() : onFailed(String(result.error?.code));
    dialog = result.value;
    if (over) return dialog.close();
    dialog.addEventHandler(Office.EventType.DialogMessageReceived, (arg) => onMessage(arg.message, arg.origin));
    return dialog.addEventHandler(Office.EventType.DialogEventReceived, (arg) => {
      log(`dialog: event ${arg.error}`);
      dialog = null;
      return arg.error === 12006 ? onClosed() : onFailed(String(arg.error));
    });
  };
  try {
    Office.context.ui.displayDialogAsync(url, { height: 70, width: 35, displayInIframe: false }, opened);
  } catch (problem) {
    log(`dialog: not available, ${problem.message}`);
    onBlocked();
  }
  return {
    close: () => {
      over = true;
      dialog?.close();
    },
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function random(length) {
  return base64url(crypto.getRandomValues(new Uint8Array(length)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
