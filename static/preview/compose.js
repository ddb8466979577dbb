/** The simulated compose window: keeps the form, answers what the stand-in for office.js asks on behalf of the pane. */

import { appointmentForm } from "./appointment-form.js";
import { playedIdentity } from "./identity.js";

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
  const identity = playedIdentity(root.dataset.account, () => person);
  let person = { name: "Alice Example", email: "alice@example.com" };
  let properties = {};

  const answers = {
    hello: () => ({ theme: THEMES[root.dataset.theme], profile: identity.profile(), sets: identity.sets }),
    ...identity.answers,
    "body.type": () => form.bodyType(),
    "body.get": (coercion) => form.body(coercion),
    "body.set": (text, { coercionType }) => form.setBody(text, coercionType),
    "body.prepend": (text, { coercionType }) => form.prepend(text, coercionType),
    "location.get": () => form.location(),
    "location.set": (text) => form.setLocation(text),
    ...attendees("required"),
    ...attendees("optional"),
    "organizer.get": () => ({ displayName: person.name, emailAddress: person.email }),
    "start.get": () => form.time("start"),
    "end.get": () => form.time("end"),
    "recurrence.get": () => null,
    "item.save": () => "simulated-item",
    "properties.load": () => ({ ...properties }),
    "properties.save": (values) => void (properties = values),
    "notification.add": (key, { message }) => form.notify(message),
  };

  function attendees(line) {
    const people = form.people[line];
    return {
      [`${line}.get`]: people.get,
      [`${line}.set`]: (given) => people.set(given),
      [`${line}.add`]: (given) => people.add(given),
    };
  }

  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.source !== frame.contentWindow || event.data?.kind !== KIND) return;
    const { id, call, args } = event.data;
    tell({ id, ...answerTo(call, args) });
  });

  function answerTo(call, args) {
    if (!Object.hasOwn(answers, call)) return { error: { code: 9020, message: `${call} is not played here` } };
    try {
      return { value: answers[call](...args) };
    } catch (problem) {
      return { error: { code: problem.code ?? 9020, message: problem.message } };
    }
  }

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
    page.dispatchEvent(new CustomEvent("appointment"));
  }

  /** Let somebody else sit at this Outlook, before an appointment of their own. @param {import("./identity.js").Person} who */
  function setPerson(who) {
    person = who;
    renew();
  }

  /** The appointment as it is sent: its fields, and the people whom it invites. */
  function appointment() {
    const { required, optional } = form.people;
    return {
      organizer: person.email,
      subject: form.subject(),
      body: form.body("html"),
      body_is_html: form.bodyType() === "html",
      start: form.time("start"),
      end: form.time("end"),
      invited: [...required.get(), ...optional.get()].map(({ emailAddress }) => emailAddress),
    };
  }

  opener.addEventListener("click", () => (pane.hidden ? open() : close()));
  page.getElementById("close-pane").addEventListener("click", close);
  return {
    open, close, setTheme, setPerson, renew, appointment,
    person: () => person,
    notify: form.notify,
    nodesOf: form.nodesOf,
    setPlainText: form.setPlainText,
  };
}
