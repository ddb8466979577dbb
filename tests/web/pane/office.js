/** A host that a test can steer: what stands in the appointment, which calls fail, and how it rewrites what it is given. */
(() => {
  const host = (globalThis.host = {
    type: "html", body: "", location: "", stored: {}, fail: {}, calls: [], dialogs: [], opened: [],
    dialogError: 0, rewrite: (html) => html, delay: 0, neverReady: false, theme: undefined, places: [],
    required: [], optional: [], tokens: [], sets: [], itemId: null, seriesId: null, shared: null,
    ...JSON.parse(sessionStorage.getItem("host") || "{}"),
  });
  let dialogHandlers = {};
  globalThis.addEventListener("securitypolicyviolation", (event) => console.error(`CSP ${event.violatedDirective}`));

  const answer = (name, work) => (...given) => {
    const callback = given.pop();
    host.calls.push(name);
    const failure = host.fail[name];
    if (failure === "throw") throw new Error("thrown at once");
    if (failure === "silent") return;
    if (failure === "late") return void setTimeout(() => work(...given), 9000);
    if (failure) return void setTimeout(() => callback({ status: "failed", error: { code: failure, message: "No." } }), 0);
    setTimeout(() => {
      let value;
      try {
        value = work(...given);
      } catch (problem) {
        if (/coercion/.test(problem.message)) throw problem;
        return callback({ status: "failed", error: { code: 9049, message: problem.message } });
      }
      return callback({ status: "succeeded", value });
    }, host.delay);
  };
  const properties = () => {
    const values = { ...host.stored };
    return {
      get: (name) => values[name],
      set: (name, value) => (values[name] = value),
      remove: (name) => delete values[name],
      saveAsync: answer("properties.save", () => void (host.stored = { ...values })),
    };
  };
  const rewritten = (text) => (host.type === "html" ? host.rewrite(text) : text);
  const copies = (people) => people.map((person) => ({ ...person }));
  const attendees = (field) => ({
    getAsync: answer(`${field}.get`, () => copies(host[field])),
    addAsync: answer(`${field}.add`, (people) => void host[field].push(...copies(people))),
    setAsync: answer(`${field}.set`, (people) => {
      if (people.length > 100) throw new Error("more than 100 recipients");
      host[field] = copies(people);
    }),
  });
  const item = {
    requiredAttendees: attendees("required"),
    optionalAttendees: attendees("optional"),
    seriesId: host.seriesId,
    getItemIdAsync: answer("itemId.get", () => {
      if (!host.itemId) throw new Error("not saved");
      return host.itemId;
    }),
    ...(host.shared === null ? {} : { getSharedPropertiesAsync: answer("shared.get", () => ({ delegatePermissions: host.shared })) }),
    body: {
      getTypeAsync: answer("body.type", () => host.type),
      getAsync: answer("body.get", (coercion) => {
        if (coercion !== host.type) throw new Error(`coercion ${coercion} for a ${host.type} body`);
        return host.body;
      }),
      setAsync: answer("body.set", (text, options) => {
        if (options.coercionType !== host.type) throw new Error("coercion");
        host.body = rewritten(text);
      }),
      prependAsync: answer("body.prepend", (text, options) => {
        if (options.coercionType !== host.type) throw new Error("coercion");
        host.body = rewritten(text) + host.body;
      }),
    },
    location: {
      getAsync: answer("location.get", () => host.location),
      setAsync: answer("location.set", (text) => void (host.location = text)),
    },
    enhancedLocation: {
      getAsync: answer("places.get", () => host.places),
      addAsync: answer("places.add", (added) => {
        host.places = [...host.places, ...added.map((one) => ({ locationIdentifier: one, displayName: one.id }))];
        host.location = host.places.map((place) => place.displayName).join("; ");
      }),
      removeAsync: answer("places.remove", (gone) => {
        host.places = host.places.filter((place) => !gone.some((one) => one.id === place.locationIdentifier.id && one.type === place.locationIdentifier.type));
        host.location = host.places.map((place) => place.displayName).join("; ");
      }),
    },
    loadCustomPropertiesAsync: answer("properties.load", properties),
  };
  const opened = (callback) => {
    if (host.dialogError) return callback({ status: "failed", error: { code: host.dialogError } });
    dialogHandlers = {};
    const dialog = {
      closed: false,
      addEventHandler: (type, handler) => (dialogHandlers[type] = handler),
      close: () => (host.dialogs[host.dialogs.length - 1].closed = true),
    };
    return callback({ status: "succeeded", value: dialog });
  };
  host.dialogMessage = (message, origin) => dialogHandlers.message({ message, origin });
  host.dialogEvent = (error) => dialogHandlers.event({ error });
  globalThis.open = (...given) => void host.opened.push(given);
  globalThis.Office = {
    CoercionType: { Html: "html", Text: "text" },
    EventType: { DialogMessageReceived: "message", DialogEventReceived: "event", OfficeThemeChanged: "theme" },
    context: {
      requirements: { isSetSupported: (name, version) => host.places.length > 0 || host.sets.includes(version) },
      officeTheme: host.theme,
      mailbox: {
        item: host.noItem ? undefined : item,
        addHandlerAsync: (type, handler) => (host.themeHandler = handler),
        userProfile: { accountType: "enterprise" },
        getUserIdentityTokenAsync: answer("token.get", () => {
          if (!host.tokens.length) throw new Error("none");
          return host.tokens.length > 1 ? host.tokens.shift() : host.tokens[0];
        }),
      },
      ui: { displayDialogAsync: (url, options, callback) => {
        host.dialogs.push({ url, options, closed: false });
        opened(callback);
      } },
    },
    onReady: (callback) => host.neverReady || setTimeout(() => callback({ host: "Outlook" }), 0),
  };
  if (host.tooOld) delete item.body.setAsync;
  if (host.noDialog) delete Office.context.ui.displayDialogAsync;
})();
