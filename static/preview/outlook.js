/** The simulated appointment: keeps the form, answers what the stand-in for office.js asks on behalf of the pane. */

import { appointmentForm } from "./appointment-form.js";

const KIND = "addin-host-preview";
const THEMES = {
  light: { bodyBackgroundColor: "#FFFFFF", bodyForegroundColor: "#242424" },
  dark: { bodyBackgroundColor: "#1F1F1F", bodyForegroundColor: "#FFFFFF" },
};

const root = document.documentElement;
const pane = document.getElementById("pane");
const frame = document.getElementById("pane-frame");
const opener = document.getElementById("open-pane");
const form = appointmentForm(document);
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

function openPane() {
  pane.hidden = false;
  opener.setAttribute("aria-pressed", "true");
  if (frame.getAttribute("src") !== frame.dataset.url) frame.src = frame.dataset.url;
}

function closePane() {
  pane.hidden = true;
  opener.setAttribute("aria-pressed", "false");
  frame.removeAttribute("src");
}

function setTheme(name) {
  root.dataset.theme = name;
  tell({ event: "theme", value: THEMES[name] });
}

opener.addEventListener("click", () => (pane.hidden ? openPane() : closePane()));
document.getElementById("close-pane").addEventListener("click", closePane);
document.getElementById("dark").addEventListener("change", (event) => setTheme(event.target.checked ? "dark" : "light"));
document.getElementById("width").addEventListener("change", (event) => (root.dataset.paneWidth = event.target.value));
document.getElementById("plain-text").addEventListener("change", (event) => form.setPlainText(event.target.checked));
document.getElementById("integration").addEventListener("change", (event) => event.target.form.requestSubmit());
document.getElementById("new-meeting").addEventListener("click", () => {
  form.clear();
  properties = {};
  closePane();
});

if (matchMedia("(prefers-color-scheme: dark)").matches) document.getElementById("dark").click();
