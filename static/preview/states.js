/**
 * Drives the real pane into one of its states, inside the live preview. Loaded after the stand-in for office.js and
 * before the pane: it plays the server and the sign-in dialog from what the page brought, then presses the pane's own
 * buttons as a person would. Nothing is asked of the network.
 */

(() => {
  const { base, preview } = JSON.parse(document.documentElement.dataset.config);
  const { state, vmrs, user } = preview;
  const AGAIN = "#again";
  const WAIT_AT_MOST = 10_000;
  const item = Office.context.mailbox.item;
  let listed = 0;

  const session = () => ({ bearer: "sample", expires_in: 3_600, user });
  const failure = (message) => ({ error: { code: "sample", message } });

  /** What the server would answer: a status and a body. */
  const answers = {
    "/session": (body) => {
      if (state === "signing-in") return [202, { status: "pending" }];
      if (state === "error-signing-in") return [403, failure("You are not known here. Ask your administrator to add you.")];
      return body.renew ? [401, failure("The session has ended.")] : [200, session()];
    },
    "/personal_vmrs": () => {
      listed += 1;
      if (state === "error-getting") return [503, failure("The directory does not answer at the moment.")];
      return state === "ended" && listed > 1 ? [401, failure("The session has ended.")] : [200, vmrs];
    },
  };

  globalThis.fetch = async (address, { body } = {}) => {
    const answer = answers[String(address).slice(base.length)];
    if (!answer) return new Response(null, { status: 204 });
    const [status, data] = answer(body ? JSON.parse(body) : {});
    return new Response(JSON.stringify(data), { status, headers: { "Content-Type": "application/json" } });
  };

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
  if (state === "error-inserting") {
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

  const signIn = () => press(() => screen().dataset.screen === "home" && screen().querySelector("button:not([disabled])"));
  const pick = () => press(() => screen().querySelector(".vmr"));
  const add = async () => {
    await signIn();
    await pick();
    await on("success");
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

  const signedIn = async () => {
    await signIn();
    await on("list", "none", "problem");
  };

  /** How to come into a state from the first screen. States that are not named here are the first screen. */
  const ways = {
    "signing-in": signIn,
    "signed-in": async () => {
      await add();
      await press(choice("Remove"));
      await on("home");
    },
    ended: async () => {
      await add();
      await press(choice("Replace"));
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
    already: async () => {
      if (location.hash === AGAIN) return on("already");
      await add();
      location.hash = AGAIN;
      return location.reload(); // the appointment stays, and a pane that opens finds the VMR
    },
    edited: async () => {
      await add();
      await edit();
      await press(choice("Remove"));
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
