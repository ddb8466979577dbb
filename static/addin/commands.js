/**
 * The function file: what the ribbon's command and the phone's switch run. Outlook looks for the function as soon as this
 * page is there, so it is registered at once and everything behind it is loaded afterwards.
 */

(() => {
  const WORK_WITHIN = 50_000; // a phone gives a minute for everything
  const NOTICE_WITHIN = 4_000;
  const LONGEST_NOTICE = 150;
  const NOTICE = "addin-host";
  const FAILED = new Set(["error", "open", "signIn"]);
  const page = document.documentElement;
  const config = JSON.parse(page.dataset.config);
  let loading = null;
  let running = null;

  /** Add a single-use VMR. Presses during it do nothing more, and all end when it does. */
  function addRoom(event) {
    running ??= within(WORK_WITHIN, work()).catch(() => "error").then(tell).finally(() => (running = null));
    running.then((outcome) => event.completed({ allowEvent: !FAILED.has(outcome) }));
  }

  async function work() {
    if (!config.enabled || !config.singleUse) return "open";
    const module = await load();
    return module.addRoom({ config, log: () => {} });
  }

  /** Everything behind the command. What could not be loaded is tried again at the next press. */
  function load() {
    loading ??= import("./add-room.js").catch((problem) => {
      loading = null;
      throw problem;
    });
    return loading;
  }

  function within(milliseconds, promise) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("timeout")), milliseconds);
      promise.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** Say on the meeting how it went, where Outlook has a place for that; phones have none. */
  async function tell(outcome) {
    const message = notice(page.dataset[`${outcome}Heading`] || "", page.dataset[outcome] || "");
    const details = FAILED.has(outcome) ? { type: "errorMessage", message }
      : { type: "informationalMessage", message, icon: "icon16", persistent: false };
    const said = new Promise((resolve) => {
      Office.context.mailbox.item.notificationMessages.replaceAsync(NOTICE, details, resolve);
    });
    await within(NOTICE_WITHIN, said).catch(() => {});
    return outcome;
  }

  /** Heading and message in one line. What is too long begins with a later sentence: what to do stands last. */
  function notice(heading, message) {
    const sentences = message.match(/\S.*?(?:[.!?](?=\s)|$)/g) ?? [""];
    for (let from = 0; from < sentences.length; from += 1) {
      const text = [heading && heading.replace(/[.:!]?$/, "."), ...sentences.slice(from)].filter(Boolean).join(" ");
      if (text.length <= LONGEST_NOTICE) return text;
    }
    return `${message.slice(0, LONGEST_NOTICE - 1).replace(/\s+\S*$/, "")}…`;
  }

  function register() {
    if (globalThis.Office?.actions) Office.actions.associate("addRoom", addRoom);
    return Boolean(globalThis.Office?.actions);
  }

  globalThis.addRoom = addRoom;
  const registered = register();
  // Until this is called, office.js tells Outlook nothing, and no command arrives.
  globalThis.Office?.onReady?.(() => registered || register());
  if (config.enabled && config.singleUse) load().catch(() => {});
})();
