/**
 * Drives the real pane into one of its states, inside the live preview. Loaded after the stand-in for office.js and
 * before the pane: it plays the server and the sign-in dialog from what the page brought, then presses the pane's own
 * buttons as a person would. Nothing is asked of the network.
 */

(() => {
  const { base, preview } = JSON.parse(document.documentElement.dataset.config);
  const { state, vmrs, meeting, user } = preview;
  const AGAIN = "#again";
  const WAIT_AT_MOST = 10_000;
  const item = Office.context.mailbox.item;
  let listed = 0;

  const failure = (message) => ({ error: { code: "sample", message } });
  const placeholder = { ...meeting.placeholder, expires: new Date(Date.now() + 86_400_000).toISOString() };
  const isAway = ["placeholder", "waiting"].includes(state);
  const session = (known) => ({
    bearer: "sample", expires_in: 3_600, user: known ? user : null, personal: known, renewable: known, placeholder,
  });

  /** What the server would answer: a status, a body, and perhaps how many seconds to wait. */
  const answers = {
    "/session": ({ renew, token }, isKnown) => {
      if (token) return [200, session(isKnown)];
      if (state === "signing-in") return [202, { status: "pending" }];
      if (state === "error-signing-in") return [403, failure("You are not known here. Ask your administrator to add you.")];
      return renew ? [401, failure("The session has ended.")] : [200, session(true)];
    },
    "/personal_vmrs": () => {
      listed += 1;
      if (state === "error-getting") return [503, failure("The directory does not answer at the moment.")];
      return state === "ended" && listed > 1 ? [401, failure("The session has ended.")] : [200, vmrs];
    },
    "/meeting_details": () => {
      if (isAway) return [503, { status: "failed", ...failure("The database does not answer at the moment."), placeholder }];
      if (state === "quota") return [429, failure("You have added many single-use VMRs within an hour."), 600];
      return [200, { status: "success", result: meeting.details }];
    },
  };

  globalThis.fetch = async (address, { body, headers: sent = {} } = {}) => {
    const answer = answers[String(address).slice(base.length)];
    if (!answer) return new Response(null, { status: 204 });
    const [status, data, wait = 0] = answer(body ? JSON.parse(body) : {}, "Authorization" in sent);
    const headers = { "Content-Type": "application/json", ...(wait && { "Retry-After": String(wait) }) };
    return new Response(JSON.stringify(data), { status, headers });
  };

  /** Outlook says who is asking, which is enough for a single-use VMR; nobody knows yet whom that is in the directory. */
  Office.context.mailbox.getUserIdentityTokenAsync = (callback) =>
    callback(state === "no-way-in" ? { status: "failed", error: { code: 9018 } } : { status: "succeeded", value: "sample" });

  Office.context.ui.displayDialogAsync = (url, options, callback) => {
    const { origin, searchParams } = new URL(url);
    const message = JSON.stringify({ nonce: searchParams.get("nonce"), code: "sample" });
    const addEventHandler = (type, handler) => {
      const speaks = type === Office.EventType.DialogMessageReceived && state !== "signing-in";
      if (speaks) setTimeout(() => handler({ message, origin }), 0);
    };
    callback({ status: "succeeded", value: { addEventHandler, close: () => {} } });
  };

  if (state === "outside") Office.context.mailbox.item = undefined;
  if (["error-inserting", "single-use-error"].includes(state)) {
    const error = { code: 9001, message: "Outlook did not take the text." };
    item.body.prependAsync = (text, options, callback) => callback({ status: "failed", error });
  }

  /** Wait for something on the page. @param {() => any} look  what is there, or something false */
  async function until(look) {
    const end = Date.now() + WAIT_AT_MOST;
    for (;;) {
      const found = look();
      if (found) return found;
      if (Date.now() > end) throw new Error(`The pane did not come to the state ${state}.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  const screen = () => document.getElementById("screen");
  const idle = () => document.documentElement.dataset.checked === "true" && !screen().hasAttribute("aria-busy");
  const on = (...names) => until(() => idle() && names.includes(screen().dataset.screen));
  const press = async (find) => (await until(() => idle() && find())).click();
  const choice = (words) => () =>
    Array.from(screen().querySelectorAll(".choices button")).find((button) => button.textContent.trim() === words);

  /** A button whose words are the administrator's. */
  const named = (...fields) => () => screen().querySelector(fields.map((field) => `button[data-field="${field}"]`).join());
  const personal = named("addin_pane_personal_vmr_sign_in_button", "addin_pane_personal_vmr_add_button");

  const signIn = () => press(personal);
  const pick = () => press(() => screen().querySelector(".vmr"));
  const add = async () => {
    await signIn();
    await pick();
    await on("success");
  };
  const addSingleUse = async () => {
    await press(named("addin_pane_button_title"));
    await on("success", "placeholder", "problem");
  };

  /** As a person does who writes into the text that we put there. */
  function edit() {
    return new Promise((resolve) => {
      item.body.getAsync("html", ({ value }) => {
        const { body } = new DOMParser().parseFromString(value, "text/html");
        const texts = Array.from(body.querySelectorAll("*"), (element) => Array.from(element.childNodes)).flat()
          .filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        texts[Math.floor(texts.length / 2)]?.appendData(" (please bring your figures)");
        item.body.setAsync(body.getHTML(), { coercionType: "html" }, resolve);
      });
    });
  }

  /** As mail programs do that keep little of a text. */
  function keepTheTagOnly() {
    const tag = `<p>${meeting.details.alias_id}</p>`; // letters, digits and punctuation that means nothing in HTML
    return new Promise((resolve) => item.body.setAsync(tag, { coercionType: "html" }, resolve));
  }

  const signedIn = async () => {
    await signIn();
    await on("list", "none", "problem");
  };

  /** What a pane finds that is opened once more. @param {() => Promise<any>} before  what happened to the meeting */
  const opensAgain = (before) => async () => {
    if (location.hash === AGAIN) return on("already");
    await before();
    location.hash = AGAIN;
    location.reload();
    return new Promise(() => {}); // this page is over
  };

  /** How to come into a state from the first screen. States that are not named here are the first screen. */
  const ways = {
    "single-use": addSingleUse,
    "single-use-already": opensAgain(addSingleUse),
    placeholder: addSingleUse,
    waiting: opensAgain(addSingleUse),
    "single-use-error": addSingleUse,
    quota: addSingleUse,
    "no-way-in": addSingleUse,
    remnant: opensAgain(async () => {
      await addSingleUse();
      await keepTheTagOnly();
    }),
    "signing-in": signIn,
    "signed-in": async () => {
      await add();
      await press(choice("Remove"));
      await on("home");
    },
    ended: async () => {
      await add();
      await press(choice("Replace"));
      await on("home", "question");
      if (screen().dataset.screen === "question") await signIn();
      await on("home");
    },
    one: signedIn,
    list: signedIn,
    many: signedIn,
    none: signedIn,
    "error-signing-in": signedIn,
    "error-getting": signedIn,
    "error-inserting": async () => {
      await signIn();
      await pick();
      await on("problem");
    },
    success: add,
    already: opensAgain(add),
    edited: async () => {
      await add();
      await edit();
      await press(choice("Remove"));
      await on("question");
    },
    which: async () => {
      await addSingleUse();
      await press(choice("Replace"));
      await on("question");
    },
  };

  const arrived = () => {
    document.activeElement?.blur();
    scrollTo(0, 0);
    document.documentElement.dataset.state = state;
  };

  addEventListener("load", () => {
    const way = ways[state];
    Promise.resolve(way?.()).then(arrived, (problem) => console.error(problem.message));
  });
})();
