/** What every part of the pane shares: its settings, the view, and the debug log. */

import { createView } from "./view.js";

const MOST_LINES = 200;
const panel = document.getElementById("log");

/** @type {{base: string, origin: string, personal: boolean, singleUse: boolean, enabled: boolean, debug: boolean}} */
export const config = JSON.parse(document.documentElement.dataset.config);
export const view = createView(document);

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
