// The list follows what is typed into the search; the address stays one that can be kept and sent.

import { afterPause, latest } from "./asking.js";
import { localTimes } from "./page.js";

const form = document.querySelector("form[data-search]");
const ask = latest();
const soon = afterPause(update);

function address() {
  const values = new URLSearchParams(new FormData(form));
  return `${location.pathname}?${values}`;
}

async function update() {
  const wanted = address();
  const results = document.querySelector("[data-results]");
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(wanted, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-results]");
    if (!answer.ok || !fresh) throw new Error("not a list");
    results.replaceChildren(...fresh.childNodes);
    localTimes(results);
    history.replaceState(null, "", wanted);
    results.removeAttribute("aria-busy");
  } catch (problem) {
    if (problem.name !== "AbortError") location.assign(wanted);
  }
}

form.addEventListener("input", (event) => soon(event.target.type === "search" ? undefined : 0));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  soon(0);
});
