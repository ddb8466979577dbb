/**
 * office.js takes the Tab key over. It knows the stops below; from anything else that has the focus, such as the heading
 * of a result, it would leave the pane. There the browser's own Tab is the right one.
 */

const STOPS = "a[href], button, input, select, textarea, [tabindex]:not([tabindex='-1'])";

/** @param {Document} page */
export function keepTab(page) {
  page.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && !event.target.matches?.(STOPS)) event.stopPropagation();
  });
}
