/**
 * The last page of the sign-in dialog: hands a one-time code, or the refusal, to the pane. It runs before any script of
 * another origin, so that the address is clean when they start. What it says to a person stands in the page itself.
 */

(() => {
  const { code, error, nonce, origin } = JSON.parse(document.documentElement.dataset.outcome);

  /** Office.js needs its own parameter; everything else in the address was for us. */
  function cleanAddress() {
    const host = new URLSearchParams(location.search).get("_host_Info");
    const query = host ? `?_host_Info=${encodeURIComponent(host)}` : "";
    history.replaceState(null, "", location.pathname + query);
  }

  function send() {
    try {
      Office.context.ui.messageParent(JSON.stringify(error ? { error, nonce } : { code, nonce }), { targetOrigin: origin });
    } catch {
      // The dialog was cut off from its pane, which asks the server by itself.
    }
  }

  cleanAddress();
  document.addEventListener("DOMContentLoaded", () => globalThis.Office?.onReady(send));
})();
