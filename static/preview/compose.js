/** The simulated compose window: keeps the form, answers what the stand-in for office.js asks on behalf of the pane. */

import { appointmentForm } from "./appointment-form.js";

const KIND = "addin-host-preview";
const THEMES = {
  light: { bodyBackgroundColor: "#FFFFFF", bodyForegroundColor: "#242424" },
  dark: { bodyBackgroundColor: "#1F1F1F", bodyForegroundColor: "#FFFFFF" },
};

/** @param {Document} page  holds templates/preview/_window.html */
export function composeWindow(page) {
  const root = page.documentElement;
  const pane = page.getElementById("pane");
  const frame = page.getElementById("pane-frame");
  const opener = page.getElementById("open-pane");
  const form = appointmentForm(page);
  let properties = {};

  const answers = {
    hello: () => ({ theme: THEMES[root.dataset.theme] }),
    "body.type": () => form.bodyType(),
    "body.get": (coercion) => form.body(coercion),
    "body.set": (text, { coercionType }) => form.setBody(text, coercionType),
    "body.prepend": (text, { coercionType }) => form.prepend(text, coercionType),
    "location.get": () => form.location(),
    "location.set": (text) => form.setLocation(text),
    "properties.load": () => ({ ...properties }),
    "properties.save": (values) => void (properties = values),
    "notification.add": (key, { message }) => form.notify(message),
  };

  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.source !== frame.contentWindow || event.data?.kind !== KIND) return;
    const { id, call, args } = event.data;
    const answer = Object.hasOwn(answers, call)
      ? { value: answers[call](...args) } : { error: { code: 9020, message: `${call} is not played here` } };
    tell({ id, ...answer });
  });

  function tell(message) {
    frame.contentWindow.postMessage({ kind: KIND, ...message }, location.origin);
  }

  function open() {
    pane.hidden = false;
    opener.setAttribute("aria-pressed", "true");
    if (frame.getAttribute("src") !== frame.dataset.url) frame.src = frame.dataset.url;
  }

  function close() {
    pane.hidden = true;
    opener.setAttribute("aria-pressed", "false");
    frame.removeAttribute("src");
  }

  /** Give the window the look of a theme, and tell the pane. @param {"light"|"dark"} name */
  function setTheme(name) {
    root.dataset.theme = name;
    tell({ event: "theme", value: THEMES[name] });
  }

  /** Begin another appointment. */
  function renew() {
    form.clear();
    properties = {};
    close();
  }

  opener.addEventListener("click", () => (pane.hidden ? open() : close()));
  page.getElementById("close-pane").addEventListener("click", close);
  return { open, close, setTheme, renew, setPlainText: form.setPlainText };
}
