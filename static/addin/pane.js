/** The pane starts here, with as little as a live button needs; everything else comes right after it. */

import { ready } from "./host.js";
import { buttons, config, log, view } from "./shared.js";
import { followTheme } from "./theme.js";

const OFFICE_WITHIN = 15_000;
const TOO_OLD = "This version of Outlook is too old for this add-in. Update it, or use Outlook on the web.";
const LATER = ["api", "appointment", "attendees", "block", "cutting", "entering", "html", "identity", "keyboard", "location",
  "naa", "screens-personal", "screens-single-use", "session", "signin", "single-use", "tags", "words"];

/** The appointment that is being written, or null outside of one. Every screen has the theme of the host. */
async function itemOfHost() {
  const { host } = await ready(OFFICE_WITHIN);
  if (!host) return null;
  followTheme();
  const item = Office.context.mailbox?.item;
  return item?.body?.setAsync ? item : null;
}

/** A body that can be written to but not read: nothing in it would be found again. */
function isTooOld() {
  const body = globalThis.Office?.context?.mailbox?.item?.body;
  return Boolean(body?.prependAsync) && !body.setAsync;
}

/** Everything behind the buttons, asked for at once rather than one import after the other. */
function loadScreens() {
  const screens = import("./screens.js");
  LATER.forEach((name) => import(`./${name}.js`).catch(() => {}));
  return screens;
}

async function open() {
  if (!config.enabled) {
    view.sentence("This add-in is switched off. Ask your administrator for help.");
    return itemOfHost().catch(() => null);
  }
  try {
    const item = await itemOfHost();
    if (!item) return view.sentence(isTooOld() ? TOO_OLD : "Open this pane from a meeting that you are writing in Outlook.");
    const screens = loadScreens();
    const action = async (kind, button) => (await screens).choose(kind, button);
    if (config.personal || config.singleUse) view.home({ choices: buttons(action, false) });
    document.documentElement.dataset.ready = "true";
    return (await screens).begin(item);
  } catch (problem) {
    log(`start: ${problem.code ?? problem.message}`);
    return view.sentence("Outlook does not answer. Close this pane and open it again.");
  }
}

open();
