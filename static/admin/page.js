// What every administrators' page does when scripts run: the reader's own time zone, forms that are sent once,
// and copying what is to be pasted elsewhere.

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

function offerCopying(button) {
  const source = document.getElementById(button.dataset.copy);
  const words = button.firstChild;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      words.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      words.textContent = "Selected";
    }
    setTimeout(() => (words.textContent = "Copy"), 2_000);
  });
}

localTimes();
document.querySelectorAll("button[data-copy]").forEach(offerCopying);
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
