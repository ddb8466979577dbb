// What every administrators' page does when scripts run: the reader's own time zone, and forms that are sent once.

const sameYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function localTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      element.textContent = sameYear.format(at);
      element.dataset.local = "";
    }
  }
}

function sendOnce(event) {
  const form = event.target;
  if (form.dataset.sent !== undefined) {
    event.preventDefault();
    return;
  }
  if (!event.defaultPrevented && form.method === "post" && !(event.submitter?.formTarget || form.target)) form.dataset.sent = "";
}

function toFirstProblem() {
  const summary = document.getElementById("problems");
  const first = document.querySelector("[aria-invalid=true]") ?? summary;
  if (!first) return;
  first.scrollIntoView({ block: "center" });
  first.focus({ preventScroll: true });
}

localTimes();
toFirstProblem();
document.addEventListener("submit", sendOnce);
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
