/**
 * A small stand-in for the Office object, for the simulated Outlook page only: as much of it as the pane uses. It asks
 * the page around it (static/preview/outlook.js) by messages within one origin.
 */

(() => {
  const KIND = "addin-host-preview";
  const DIALOGS = "addin-host-preview-dialog";
  const COOP_CUTS_WITHIN = 3_000;
  const waiting = new Map();
  const themeHandlers = [];
  const isPane = window.parent !== window;
  let sent = 0;
  let onGreeting;
  const greeting = new Promise((resolve) => (onGreeting = resolve));

  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.source !== window.parent || event.data?.kind !== KIND) return;
    const { id, event: name, value, error } = event.data;
    if (name === "theme") themeHandlers.forEach((handler) => handler({ officeTheme: (Office.context.officeTheme = value) }));
    if (!waiting.has(id)) return;
    const settle = waiting.get(id);
    waiting.delete(id);
    settle(error ? { status: "failed", error } : { status: "succeeded", value });
  });

  function ask(call, args, settle) {
    sent += 1;
    waiting.set(sent, settle);
    window.parent.postMessage({ kind: KIND, id: sent, call, args }, location.origin);
  }

  /** An Office.js method: arguments, perhaps options, perhaps a callback at the end. */
  function method(call, limit = Infinity) {
    return (...given) => {
      const callback = typeof given[given.length - 1] === "function" ? given.pop() : () => {};
      if (typeof given[0] === "string" && given[0].length > limit) throw new Error(`${call}: the text is too long`);
      ask(call, given, callback);
    };
  }

  function loadCustomProperties(callback) {
    ask("properties.load", [], (result) => {
      if (result.status === "succeeded") result.value = customProperties(result.value);
      callback(result);
    });
  }

  function customProperties(values) {
    return {
      get: (name) => values[name],
      set: (name, value) => (values[name] = value),
      remove: (name) => delete values[name],
      saveAsync: (callback) => ask("properties.save", [{ ...values }], callback),
    };
  }

  function displayDialog(url, options, callback) {
    const features = `popup,width=480,height=640,left=${screenX + 80},top=${screenY + 80}`;
    const opened = window.open(url, "addin-host-dialog", features);
    if (!opened) return callback({ status: "failed", error: { code: 12011, message: "The popup was blocked." } });
    return callback({ status: "succeeded", value: dialogOver(opened) });
  }

  /** What office.js gives for an open dialog. A page that cuts the dialog off (COOP) makes it look closed at once. */
  function dialogOver(opened) {
    const handlers = { message: () => {}, event: () => {} };
    const began = Date.now();
    const channel = new BroadcastChannel(DIALOGS);
    channel.onmessage = ({ data }) => data.message && handlers.message({ message: data.message, origin: location.origin });
    const watch = setInterval(() => {
      if (!opened.closed) return;
      clearInterval(watch);
      if (Date.now() - began > COOP_CUTS_WITHIN) handlers.event({ error: 12006 });
    }, 300);
    return {
      addEventHandler: (type, handler) => (handlers[type] = handler),
      close: () => {
        clearInterval(watch);
        channel.postMessage({ close: true });
        channel.close();
        opened.close();
      },
    };
  }

  function messageParent(message, { targetOrigin }) {
    if (targetOrigin !== location.origin) throw new Error("The message is not for the page that opened this dialog");
    const channel = new BroadcastChannel(DIALOGS);
    channel.onmessage = ({ data }) => data.close && window.close();
    channel.postMessage({ message });
  }

  /** What msal-browser speaks with for nested app authentication (design/outlook.md 3.8). */
  function bridge() {
    const listeners = new Set();
    return {
      addEventListener: (type, listener) => listeners.add(listener),
      removeEventListener: (type, listener) => listeners.delete(listener),
      postMessage(text) {
        const asked = JSON.parse(text);
        ask("identity.nested", [asked], ({ value }) => {
          const answer = { messageType: "NestedAppAuthResponse", requestId: asked.requestId, ...value };
          listeners.forEach((listener) => listener(JSON.stringify(answer)));
        });
      },
    };
  }

  const people = (line) => ({
    getAsync: method(`${line}.get`), setAsync: method(`${line}.set`), addAsync: method(`${line}.add`),
  });
  const isAtLeast = (offered, wanted) => {
    const [[major, minor], [first, second]] = [offered, wanted].map((version) => version.split(".").map(Number));
    return major > first || (major === first && minor >= second);
  };
  let sets = {};

  const item = {
    itemType: "appointment",
    seriesId: null,
    requiredAttendees: people("required"),
    optionalAttendees: people("optional"),
    organizer: { getAsync: method("organizer.get") },
    start: { getAsync: method("start.get") },
    end: { getAsync: method("end.get") },
    recurrence: { getAsync: method("recurrence.get") },
    saveAsync: method("item.save"),
    // Not saved yet, and in the person's own calendar: Outlook refuses both.
    getItemIdAsync: method("itemId.get"),
    getSharedPropertiesAsync: method("shared.get"),
    body: {
      getTypeAsync: method("body.type"), getAsync: method("body.get"),
      setAsync: method("body.set", 1_000_000), prependAsync: method("body.prepend", 1_000_000),
    },
    location: { getAsync: method("location.get"), setAsync: method("location.set", 255) },
    loadCustomPropertiesAsync: loadCustomProperties,
    notificationMessages: { addAsync: method("notification.add", 32), replaceAsync: method("notification.add", 32) },
  };

  globalThis.Office = {
    CoercionType: { Html: "html", Text: "text" },
    EventType: { DialogMessageReceived: "message", DialogEventReceived: "event", OfficeThemeChanged: "theme" },
    actions: { associate: () => {} },
    auth: {
      getAccessToken: (options) => new Promise((resolve, reject) =>
        ask("identity.sso", [options], ({ value, error }) => (error ? reject(error) : resolve(value)))),
    },
    context: {
      mailbox: {
        item: isPane ? item : undefined,
        getUserIdentityTokenAsync: method("identity.exchange"),
        addHandlerAsync: (type, handler) => themeHandlers.push(handler),
      },
      requirements: { isSetSupported: (name, version) => Boolean(sets[name]) && isAtLeast(sets[name], version) },
      ui: isPane ? { displayDialogAsync: displayDialog } : { messageParent },
    },
    onReady: (callback = () => {}) => greeting.then((info) => {
      callback(info);
      return info;
    }),
  };

  if (isPane) {
    globalThis.nestedAppAuthBridge = bridge();
    ask("hello", [], ({ value }) => {
      Office.context.officeTheme = value.theme;
      Office.context.mailbox.userProfile = value.profile;
      sets = value.sets;
      onGreeting({ host: "Outlook", platform: "OfficeOnline" });
    });
  } else {
    onGreeting({ host: null, platform: null });
  }
})();
