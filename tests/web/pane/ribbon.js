/** What a ribbon command finds besides the appointment of office.js: actions, attendees, notices and identity tokens. */
(() => {
  host.associated = {};
  host.notices = [];
  host.required ??= [];
  host.optional ??= [];
  host.completed = [];
  const answer = (name, work) => (...given) => {
    const callback = given.pop();
    host.calls.push(name);
    const failure = host.fail[name];
    if (failure === "throw") throw new Error("thrown at once");
    if (failure === "silent") return;
    if (failure) return void setTimeout(() => callback({ status: "failed", error: { code: failure, message: "No." } }), 0);
    setTimeout(() => callback({ status: "succeeded", value: work(...given) }), host.delay);
  };
  const people = (field) => ({
    getAsync: answer(`${field}.get`, () => host[field]),
    addAsync: answer(`${field}.add`, (added) => void (host[field] = [...host[field], ...added])),
    setAsync: answer(`${field}.set`, (list) => void (host[field] = list)),
  });
  const { mailbox } = Office.context;
  Object.assign(mailbox.item ?? {}, { requiredAttendees: people("required"), optionalAttendees: people("optional") });
  if (mailbox.item && !host.isPhone) {
    mailbox.item.notificationMessages = {
      replaceAsync: answer("notice", (key, details) => void host.notices.push({ key, ...details })),
    };
  }
  if (host.isPhone) delete mailbox.item.enhancedLocation;
  mailbox.getUserIdentityTokenAsync = answer("token", () => "a.b.c");
  mailbox.userProfile = { accountType: "enterprise" };
  Office.actions = { associate: (name, run) => (host.associated[name] = run) };
  /** Press the command, the way Outlook does. */
  host.press = () => host.associated.addRoom({
    completed: (outcome) => host.completed.push({ ...outcome, after: host.calls.length, requests: host.requests ?? 0 }),
  });
})();
