// A minimal add-in over the real office.js. The tests call `ask` with the path of any asynchronous Office function;
// an answer that does not come within five seconds has the status "silent".
"use strict";

window.dialogStory = [];

Office.onReady((info) => {
  document.getElementById("ready").textContent = `${info.host} ${info.platform}`;
});

function plain(result) {
  const { status, value, error } = result;
  return { status, value: value ?? null, code: error?.code ?? null, message: error?.message ?? null };
}

window.ask = (path, ...args) => new Promise((resolve) => {
  const names = path.split(".");
  const method = names.pop();
  const owner = names.reduce((object, name) => object[name], Office.context.mailbox.item);
  setTimeout(resolve, 5000, { status: "silent" });
  owner[method](...args, (result) => resolve(plain(result)));
});

window.properties = (changes) => new Promise((resolve) => {
  Office.context.mailbox.item.loadCustomPropertiesAsync((loaded) => {
    if (loaded.status !== "succeeded") return resolve(plain(loaded));
    const before = loaded.value.getAll();
    for (const [name, value] of Object.entries(changes)) loaded.value.set(name, value);
    return loaded.value.saveAsync((saved) => resolve({ ...plain(saved), before }));
  });
});

window.openDialog = (url) => {
  window.dialogStory = [];
  Office.context.ui.displayDialogAsync(url, { height: 60, width: 30 }, (opened) => {
    if (opened.status !== "succeeded") return window.dialogStory.push({ failed: opened.error.code });
    opened.value.addEventHandler(Office.EventType.DialogMessageReceived, (event) => {
      window.dialogStory.push({ message: event.message, origin: event.origin });
      opened.value.close();
    });
    opened.value.addEventHandler(Office.EventType.DialogEventReceived, (event) => window.dialogStory.push({ event: event.error }));
    return window.dialogStory.push({ opened: true });
  });
};

// Runs as a ribbon command: reads, writes, and only then says that it is done.
window.addRoom = async (event) => {
  const { value } = await window.ask("location.getAsync");
  await window.ask("location.setAsync", `${value}; room@video.example.test`);
  event.completed();
};

// Runs when the appointment is being sent.
window.checkOnSend = async (event) => {
  const { value } = await window.ask("subject.getAsync");
  event.completed(value ? { allowEvent: true } : { allowEvent: false, errorMessage: "There is no subject." });
};

window.accessToken = () => Office.auth.getAccessToken({ allowSignInPrompt: false }).then(
  (token) => ({ token }),
  ({ code, message }) => ({ code, message }),
);

// By the real msal-browser, loaded when it is first needed.
window.nestedToken = async (clientId, scope) => {
  await import("./msal-browser.min.js");
  const application = await msal.createNestablePublicClientApplication({ auth: { clientId } });
  return application.acquireTokenSilent({ scopes: [scope] }).then(
    ({ accessToken, account }) => ({ accessToken, name: account.username }),
    ({ name, errorCode }) => ({ name, errorCode }),
  );
};
