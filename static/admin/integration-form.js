// The form of an integration: fields come and go with the switches they depend on, and the bar below says what is up.
// The server decides the same from the same conditions; without this script a button asks it to.

import { afterPause } from "./asking.js";

const form = document.getElementById("integration-form");
const layout = document.querySelector(".form-layout");
const fields = [...form.querySelectorAll("[data-field]")].map(makeField);
const byName = new Map(fields.map((field) => [field.name, field]));
const saySoon = afterPause(sayState);
const NAMED = 3;

function makeField(element) {
  const { field: name, kind, label } = element.dataset;
  const inputs = [...element.querySelectorAll(`[name="${name}"]`)];
  const read = (key) => (element.dataset[key] ? JSON.parse(element.dataset[key]) : null);
  return { element, name, kind, label, inputs, available: read("available"), required: read("required") };
}

function valueOf({ kind, inputs }) {
  if (!inputs.length) return null;
  if (kind === "bool") return inputs[0].checked;
  if (kind === "list_of_choices") return inputs.filter((input) => input.checked).map((input) => input.value);
  return inputs[0].value;
}

const isBlank = (value) => value === null || (typeof value !== "boolean" && !value.length) || (typeof value === "string" && !value.trim());

function matches(expected, actual) {
  if (Array.isArray(expected)) return expected.includes(actual);
  if (expected === "set") return !isBlank(actual);
  if (typeof expected === "string" && expected.startsWith("contains ")) return (actual ?? []).includes(expected.slice(9));
  return actual === expected;
}

function anyHolds(conditions) {
  return conditions.some((condition) =>
    Object.entries(condition).every(([name, expected]) => matches(expected, valueOf(byName.get(name)))));
}

// Line ends of a default are CRLF; a textarea gives LF.
const asShown = (value) => (typeof value === "string" ? value.replaceAll("\r\n", "\n") : value);
const asText = (value) => JSON.stringify(asShown(value ?? ""));

function setValue(field, value) {
  if (field.kind === "bool") field.inputs[0].checked = value;
  else if (field.kind === "list_of_choices") for (const input of field.inputs) input.checked = value.includes(input.value);
  else field.inputs[0].value = asShown(value ?? "").toString();
  field.inputs[0].dispatchEvent(new Event("input", { bubbles: true }));
}

const isShown = (field) => !field.element.hidden;
const isMissing = (field) =>
  isShown(field) && field.isRequired && field.inputs.length > 0 && !("set" in field.element.dataset) &&
  !("mayBeBlank" in field.element.dataset) && isBlank(valueOf(field));

function clears(field) {
  return field.element.querySelector('[name="_clear"]')?.checked ?? false;
}

const isChanged = (field) =>
  isShown(field) && field.inputs.length > 0 && ("changed" in field.element.dataset || asText(valueOf(field)) !== field.first || clears(field));

function showFields() {
  for (const field of fields) {
    if (field.available) field.element.hidden = !anyHolds(field.available);
  }
  for (const field of fields) {
    field.isRequired = field.required !== null && isShown(field) && anyHolds(field.required);
    for (const mark of field.element.querySelectorAll(".required, .required-word")) mark.hidden = !field.isRequired;
    const button = field.element.querySelector("[data-default]");
    if (button) button.hidden = asText(valueOf(field)) === asText(defaultOf(field, button));
  }
  for (const section of form.querySelectorAll(".form-section")) {
    section.hidden = !section.querySelector(".field:not([hidden])");
    const entry = linkTo(section)?.closest("li");
    if (entry) entry.hidden = section.hidden;
  }
}

function defaultOf(field, button) {
  const value = JSON.parse(button.dataset.default);
  return typeof value === "number" ? String(value) : value;
}

const linkTo = (section) => document.querySelector(`.section-index a[href="#${section.getAttribute("aria-labelledby")}"]`);

function sayState() {
  const place = form.querySelector(".save-state");
  if (!place) return;
  const parts = [named("Changed", fields.filter(isChanged)), named("Missing", fields.filter(isMissing))].filter((part) => part.length);
  const wanted = parts.length ? parts.flatMap((part, at) => (at ? [" ", ...part] : part)) : ["Nothing is changed."];
  const text = wanted.map((node) => node.textContent ?? node).join("");
  if (place.textContent !== text) place.replaceChildren(...wanted);
}

function named(word, found) {
  if (!found.length) return [];
  const nodes = found.slice(0, NAMED).flatMap((field, at) => [at ? ", " : `${word}: `, link(field)]);
  const more = found.length - NAMED;
  return [...nodes, more > 0 ? ` and ${more} more.` : "."];
}

function link(field) {
  const anchor = document.createElement("a");
  anchor.href = `#${field.name}`;
  anchor.textContent = field.label;
  return anchor;
}

function follow() {
  showFields();
  saySoon();
}

function insert(button) {
  const target = document.getElementById(button.dataset.for);
  if (!target || target.disabled) return;
  target.setRangeText(button.dataset.insert, target.selectionStart, target.selectionEnd, "end");
  target.focus();
  target.dispatchEvent(new Event("input", { bubbles: true }));
}

function goTo(event) {
  const name = event.target.closest?.("a[href^='#']")?.hash.slice(1);
  const field = byName.get(name);
  if (!field || field.element.hidden) return;
  event.preventDefault();
  show("fields");
  const target = document.getElementById(name) ?? field.element;
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}

function followScroll() {
  const index = document.querySelector(".section-index");
  if (!index) return;
  const mark = (section) => {
    for (const anchor of index.querySelectorAll("[aria-current]")) anchor.removeAttribute("aria-current");
    const current = linkTo(section);
    if (!current) return;
    current.setAttribute("aria-current", "true");
    index.scrollTo({ left: current.offsetLeft - index.clientWidth / 3 });
  };
  const observer = new IntersectionObserver((entries) => {
    const seen = entries.find((entry) => entry.isIntersecting);
    if (seen) mark(seen.target);
  }, { rootMargin: "-25% 0px -70% 0px" });
  const sections = [...form.querySelectorAll(".form-section")];
  for (const section of sections) observer.observe(section);
  mark(sections[0]);
  // The last ones may be too short to reach the place that is watched.
  index.addEventListener("click", (event) => {
    const chosen = sections.find((section) => linkTo(section) === event.target);
    if (chosen) setTimeout(mark, 200, chosen);
  });
}

function show(view) {
  layout.classList.toggle("show-preview", view === "preview");
  for (const button of document.querySelectorAll("[data-view]")) {
    button.classList.toggle("active", button.dataset.view === view);
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
}

function start() {
  document.documentElement.classList.add("scripted");
  for (const field of fields) field.first = asText(valueOf(field));
  showFields();
  sayState();
  followScroll();
  if (document.querySelector(".preview-side > *")) document.querySelector(".view-switch").hidden = false;
  form.dataset.ready = "";
}

start();
form.addEventListener("input", follow);
form.addEventListener("change", follow);
form.addEventListener("click", (event) => {
  const reset = event.target.closest("[data-default]");
  const variable = event.target.closest("[data-insert]");
  if (reset) {
    event.preventDefault();
    const field = byName.get(reset.value);
    setValue(field, defaultOf(field, reset));
    field.inputs[0].focus();
  } else if (variable) insert(variable);
});
document.addEventListener("click", goTo);
for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
addEventListener("pageshow", follow);
addEventListener("beforeunload", (event) => {
  if (form.dataset.sent === undefined && fields.some(isChanged)) event.preventDefault();
});
