/**
 * What the pane shows. Every screen replaces the last one; texts of the administrator stand in the page as templates and
 * are cloned. Words that stand here are progress, choices that no field names, and what goes into "Details".
 */

const SHOW_PROGRESS_AFTER = 200;
const FILTER_FROM = 8;

const SIGN_IN = "addin_pane_personal_vmr_sign_in_button";
const ADD = "addin_pane_personal_vmr_add_button";

/** @typedef {{text?: string, field?: string, action: (button: HTMLButtonElement) => void, primary?: boolean}} Choice */

/**
 * @param {Document} page
 */
export function createView(page) {
  const screen = page.getElementById("screen");
  const status = page.getElementById("status");
  const aside = page.getElementById("aside");

  /** A copy of a configured text. @param {string} field */
  function configured(field) {
    return page.getElementById(`text-${field}`).content.cloneNode(true);
  }

  function element(tag, properties = {}, ...children) {
    const { data, attributes, ...plain } = properties;
    const made = Object.assign(page.createElement(tag), plain);
    Object.entries(attributes || {}).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children.filter(Boolean));
    return made;
  }

  function show(name, nodes, focused) {
    screen.dataset.screen = name;
    screen.replaceChildren(...nodes.filter(Boolean));
    say("");
    aside.replaceChildren();
    focused?.focus();
  }

  function heading(field, icon) {
    const words = element("span", {}, configured(field));
    return element("h2", { tabIndex: -1, className: `heading ${icon || ""}` }, icon && picture(`icon-${icon}`), words);
  }

  function picture(id) {
    return page.getElementById(id).content.cloneNode(true);
  }

  function button({ text, field, action, primary }) {
    const made = element("button", { type: "button", className: primary ? "button primary" : "button" });
    made.append(element("span", { className: "label" }, field ? configured(field) : text));
    if (field) made.dataset.field = field;
    made.addEventListener("click", () => action(made));
    return made;
  }

  function choices(list) {
    return list.length > 0 && element("div", { className: "choices" }, ...list.map(button));
  }

  /** The line that tells what is going on. */
  function say(words) {
    status.textContent = words;
  }

  /** A plain sentence of ours, for situations in which there is nothing to choose. @param {string} words */
  function sentence(words) {
    show("sentence", [element("p", { className: "message" }, words)]);
  }

  /** The first screen. @param {{choices: Choice[], note?: string}} options */
  function home({ choices: list, note }) {
    show("home", [choices(list)], note && page.getElementById("title"));
    if (note) say(note);
  }

  /** The person is known now: the button that led to the sign-in leads to the list. It stays the same button. */
  function knowPerson() {
    screen.querySelectorAll(`[data-field="${SIGN_IN}"]`).forEach((made) => {
      made.dataset.field = ADD;
      made.querySelector(".label").replaceChildren(configured(ADD));
    });
  }

  /**
   * A heading, a message and what to do next.
   * @param {{name: string, headingField: string, messageField?: string, icon?: string, notes?: string[],
   *   choices: Choice[], details?: string[], quiet?: boolean}} result  quiet: leave the focus where it is
   */
  function result({ name, headingField, messageField, icon, notes = [], choices: next, details = [], quiet }) {
    const top = heading(headingField, icon);
    show(name, [
      top,
      messageField && element("div", { className: "message" }, configured(messageField)),
      ...notes.map((note) => element("p", { className: "message note" }, note)),
      choices(next),
      details.length && disclosure(details),
    ], quiet ? null : top);
  }

  function disclosure(texts) {
    return element("details", { className: "details" }, element("summary", { tabIndex: 0 }, "Details"),
      ...texts.map((text) => element("p", {}, text)));
  }

  /** A question inside the pane. @param {{words: string, choices: Choice[]}} question */
  function question({ words, choices: answers }) {
    const top = element("h2", { tabIndex: -1, className: "question" }, words);
    show("question", [top, choices(answers)], top);
  }

  /**
   * The person's VMRs.
   * @param {any[]} vmrs
   * @param {{onPick: (vmr: any, button: HTMLButtonElement) => void, next: Choice[], signedInAs: string}} options
   */
  function list(vmrs, { onPick, next, signedInAs }) {
    const top = heading("addin_pane_personal_vmr_select_message");
    top.classList.add("select");
    const rows = vmrs.map((vmr) => element("li", {}, card(vmr, onPick)));
    const found = element("ul", { className: "vmrs" }, ...rows);
    const filter = vmrs.length >= FILTER_FROM && filterBox(vmrs, rows);
    show("list", [top, filter, found, choices(next), whoIs(signedInAs)], vmrs.length === 1 ? found.querySelector("button") : top);
  }

  function card(vmr, onPick) {
    const caption = (text, kind) => text && element("span", { className: `caption ${kind}` }, text);
    const made = element("button", { type: "button", className: "vmr", title: vmr.description || "" },
      element("span", { className: "name" }, vmr.name), caption(vmr.description, "description"),
      caption(vmr.alias, "address"), !vmr.usable && caption(vmr.reason, "reason"));
    if (vmr.usable) made.addEventListener("click", () => onPick(vmr, made));
    else made.setAttribute("aria-disabled", "true");
    return made;
  }

  function filterBox(vmrs, rows) {
    const box = element("input", { type: "search", id: "filter", className: "filter", autocomplete: "off" });
    box.addEventListener("input", () => {
      const wanted = box.value.trim().toLocaleLowerCase();
      const fits = vmrs.map((vmr) => `${vmr.name}\n${vmr.description}\n${vmr.alias}`.toLocaleLowerCase().includes(wanted));
      rows.forEach((row, index) => (row.hidden = !fits[index]));
      const count = fits.filter(Boolean).length;
      say(count === 0 ? "No VMR fits this filter." : wanted ? `${count} of ${vmrs.length} VMRs` : "");
    });
    return element("div", {}, element("label", { htmlFor: "filter", className: "caption" }, "Filter by name or address"), box);
  }

  function whoIs(signedInAs) {
    return signedInAs && element("p", { className: "caption" }, `Signed in as ${signedInAs}`);
  }

  /** The person has none. @param {{next: Choice[], signedInAs: string}} options */
  function none({ next, signedInAs }) {
    const words = element("h2", { tabIndex: -1, className: "heading select" },
      configured("addin_pane_personal_vmr_none_message"));
    show("none", [words, choices(next), whoIs(signedInAs)], words);
  }

  /**
   * Show that a press is being worked on: its button keeps its place, the others wait, words come after a moment.
   * @param {HTMLElement} pressed
   * @param {string} words
   * @returns {() => void}  ends it
   */
  function working(pressed, words) {
    screen.setAttribute("aria-busy", "true");
    const timer = setTimeout(() => {
      pressed.classList.add("working");
      if (!status.textContent) say(words);
    }, SHOW_PROGRESS_AFTER);
    return () => {
      clearTimeout(timer);
      screen.removeAttribute("aria-busy");
      pressed.classList.remove("working");
    };
  }

  /** Choices beside what is being worked on. @param {Choice[]} list */
  function offer(list) {
    aside.replaceChildren(choices(list));
  }

  return { sentence, home, knowPerson, result, question, list, none, working, offer, say };
}
