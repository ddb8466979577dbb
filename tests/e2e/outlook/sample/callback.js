// The dialog's last page: hands over what the provider sent, to our own origin only.
"use strict";

const answer = Object.fromEntries(new URLSearchParams(window.location.search));

Office.onReady((info) => {
  const canSpeak = Boolean(Office.context.ui && Office.context.ui.messageParent);
  document.getElementById("ready").textContent = `${info.host} ${canSpeak}`;
  if (canSpeak) Office.context.ui.messageParent(JSON.stringify(answer), { targetOrigin: window.location.origin });
});
