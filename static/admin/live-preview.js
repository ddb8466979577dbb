/**
 * The preview beside the form of an integration. What is typed is kept on the server as a draft, without its secrets;
 * the frames show the draft. A frame is loaded again only when what it shows has changed.
 */

import { afterPause, latest } from "./asking.js";

const form = document.getElementById("integration-form");
const panel = document.getElementById("live-preview");

/** @param {string} selector */
const one = (selector) => panel.querySelector(selector);
const choice = (name) => one(`[data-choice="${name}"]`);
const frame = (name) => one(`[data-frame="${name}"]`);
const chosen = (name) => choice(name)?.value ?? "";

let token = "";
let draft = null;

const later = afterPause(refresh);
const searchLater = afterPause(search);
const keepDraft = latest();
const findVmrs = latest();

/** The form as it would be sent, without files. */
function typed() {
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") data.append(name, value);
  return data;
}

function query(more = {}) {
  return new URLSearchParams({ sample: chosen("sample"), vmr: chosen("vmr"), theme: chosen("theme"), ...more });
}

function say(words) {
  one(".live-status").textContent = words;
}

async function refresh() {
  const address = query({ token, integration: panel.dataset.integration });
  try {
    const answer = await keepDraft(`/admin/preview/drafts?${address}`, { method: "POST", body: typed() });
    const said = await answer.json();
    if (!answer.ok) return say(said.error?.message ?? "The preview cannot be made at the moment.");
    if (!draft) chooseUsed(said.texts);
    draft = said;
    token = said.token;
    say("");
    return show();
  } catch (problem) {
    return problem.name === "AbortError" ? null : say("The preview does not answer. It tries again when you type.");
  }
}

/** Begin with a text that this integration uses. */
function chooseUsed(texts) {
  const used = Array.from(choice("text").options).find((option) => texts[option.value].used);
  if (used && !texts[chosen("text")].used) used.selected = true;
}

function load(name, address) {
  const target = frame(name);
  if (target.dataset.address === address) return;
  target.dataset.address = address;
  // Not through src: that would add a step to the way back of the browser at every key.
  if (target.contentWindow && target.src) target.contentWindow.location.replace(address);
  else target.src = address;
}

function show() {
  if (!draft) return;
  panel.dataset.theme = chosen("theme");
  showBroken();
  if (one('[data-of="pane"]').hidden) showText();
  else showPane();
}

function showPane() {
  for (const option of choice("state").options) option.disabled = !draft.pane.states[option.value];
  if (choice("state").selectedOptions[0]?.disabled) choice("state").value = "start";
  load("outlook", `/admin/preview/${token}/outlook?${query({ state: chosen("state"), v: draft.pane.version })}`);
}

function showText() {
  const name = chosen("text");
  const about = draft.texts[name];
  const isHtml = choice("text").selectedOptions[0].dataset.kind !== "text_template";
  one(".live-html").hidden = !isHtml;
  one(".live-unused").hidden = about.used;
  one(".live-problem").hidden = !about.problem;
  one(".live-problem").textContent = about.problem ? `Error in ${about.problem}` : "";
  one(".live-fixed").hidden = !about.darkSafe;
  list(".live-remarks", about.remarks.map((remark) => [remark]));
  one(".live-to-field").href = `#${name}`;
  for (const kind of isHtml ? ["html", "text"] : ["text"]) {
    load(kind, `/admin/preview/${token}/text/${name}?${query({ form: kind, v: about.version })}`);
  }
}

function showBroken() {
  const inView = one('[data-of="texts"]').hidden ? "" : chosen("text");
  const broken = Object.entries(draft.texts).filter(([name, about]) => about.problem && about.used && name !== inView);
  list(".live-broken", broken.map(([name, about]) => {
    const link = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-link btn-sm p-0" });
    link.textContent = Array.from(choice("text").options).find((option) => option.value === name).text;
    link.addEventListener("click", () => lookAt("texts", name));
    return [link, `: ${about.problem}`];
  }));
}

function list(selector, entries) {
  const box = one(selector);
  box.hidden = entries.length === 0;
  box.querySelector("ul").replaceChildren(...entries.map((parts) => {
    const entry = document.createElement("li");
    entry.append(...parts);
    return entry;
  }));
}

/** @param {"pane"|"texts"} view  @param {string} [what]  a state or a text */
function lookAt(view, what) {
  for (const part of panel.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== view;
  for (const button of panel.querySelectorAll("[data-look]")) {
    const is = button.dataset.look === view;
    button.classList.toggle("active", is);
    button.setAttribute("aria-pressed", String(is));
  }
  if (what) choice(view === "pane" ? "state" : "text").value = what;
  show();
}

function follow(event) {
  const name = event.target.name;
  if (!choice("follow").checked || !name) return;
  const places = JSON.parse(panel.dataset.stateOf)[name] ?? [];
  const state = places.find((place) => draft?.pane.states[place]) ?? places[0];
  if (Array.from(choice("text").options).some((option) => option.value === name)) lookAt("texts", name);
  else if (state && !(name === "enabled" && event.type === "focusin")) lookAt("pane", state);
}

function putDarkSafe() {
  const field = form.elements.namedItem(chosen("text"));
  const safe = draft?.texts[chosen("text")].darkSafe;
  if (!safe || !(field instanceof HTMLElement)) return say("This field is not in the form at the moment.");
  field.value = safe;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return say("The version without black and white is in the form. Save to keep it.");
}

/** The VMRs that fit, or null when somebody types on meanwhile. */
async function vmrsLike(words) {
  try {
    const answer = await findVmrs(`/admin/preview/vmrs?${new URLSearchParams({ q: words })}`);
    return answer.ok ? (await answer.json()).vmrs : [];
  } catch (problem) {
    return problem.name === "AbortError" ? null : [];
  }
}

async function search() {
  const found = await vmrsLike(chosen("wanted"));
  if (!found) return;
  const kept = choice("vmr").options[0];
  choice("vmr").replaceChildren(kept, ...found.map(({ uuid, name, owner }) => new Option(owner ? `${name} (${owner})` : name, uuid)));
  choice("vmr").hidden = false;
  if (found.length) choice("vmr").value = found[0].uuid;
  else say("No VMR fits. The sample VMR is shown.");
  later();
}

function begin() {
  one(".live-body").hidden = false;
  choice("theme").value = document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light";
  for (const event of ["input", "change", "reset"]) form.addEventListener(event, () => later());
  form.addEventListener("focusin", follow);
  for (const button of panel.querySelectorAll("[data-look]")) {
    button.addEventListener("click", () => lookAt(button.dataset.look));
  }
  for (const name of ["theme", "state", "text"]) choice(name).addEventListener("change", show);
  for (const name of ["sample", "vmr"]) choice(name)?.addEventListener("change", () => later());
  choice("wanted")?.addEventListener("input", () => searchLater());
  // Where the preview is a tab, the form has to come back first.
  one(".live-to-field").addEventListener("click", () => document.querySelector('.view-switch [data-view="fields"]')?.click());
  one('[data-do="dark-safe"]').addEventListener("click", putDarkSafe);
  refresh();
}

if (form && panel) begin();
