/** The debug log panel. Off unless the integration enables it; callers never pass a token, a PIN or a text of a person. */

const MOST = 200;

/**
 * @param {HTMLElement|null} panel  the list that takes the lines, absent when logs are off
 * @returns {(line: string) => void}
 */
export function createLog(panel) {
  if (!panel) return () => {};
  return (line) => {
    const entry = document.createElement("li");
    entry.textContent = `${new Date().toISOString().slice(11, 23)} ${line}`;
    panel.append(entry);
    if (panel.childElementCount > MOST) panel.firstElementChild.remove();
  };
}
