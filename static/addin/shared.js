/** What every part of the pane shares: its settings, the view, and the debug log. */

import { createView } from "./view.js";

const MOST_LINES = 200;
const panel = document.getElementById("log");

/**
 * @type {{base: string, origin: string, personal: boolean, singleUse: boolean, enabled: boolean, debug: boolean,
 *   kinds: string[], dialog: boolean}}  kinds of identity token that the server accepts; whether it has a sign-in dialog
 */
export const config = JSON.parse(document.documentElement.dataset.config);
export const view = createView(document);

/**
 * The buttons of the kinds of VMR that are switched on.
 * @param {(kind: "single-use"|"personal", button: HTMLButtonElement) => void} action
 * @param {boolean} knowsPerson  whether personal VMRs need no sign-in first
 */
export function buttons(action, knowsPerson) {
  const personal = `addin_pane_personal_vmr_${knowsPerson ? "add" : "sign_in"}_button`;
  const button = (kind, field, primary) => ({ kind, field, primary, action: (pressed) => action(kind, pressed) });
  return [
    config.singleUse && button("single-use", "addin_pane_button_title", true),
    config.personal && button("personal", personal, !config.singleUse),
  ].filter(Boolean);
}

/**
 * Write a line into the debug log panel, which is there only when the integration enables it. Never tell it a token, a
 * PIN or a text of a person.
 * @param {string} line
 */
export function log(line) {
  if (!panel) return;
  const entry = document.createElement("li");
  entry.textContent = `${new Date().toISOString().slice(11, 23)} ${line}`;
  panel.append(entry);
  if (panel.childElementCount > MOST_LINES) panel.firstElementChild.remove();
}
