// The list follows what is typed into the search; the address stays one that can be kept and sent.

import { localTimes } from "./page.js";

const PAUSE = 250;
const form = document.querySelector("form[data-search]");
let waiting = 0;
let asked = null;

function address() {
  const values = new URLSearchParams(new FormData(form));
  return `${location.pathname}?${values}`;
}

async function update() {
  asked?.abort();
  asked = new AbortController();
  const wanted = address();
  const results = document.querySelector("[data-results]");
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(wanted, { signal: asked.signal, headers: { Accept: "text/html" } });
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

function soon(pause) {
  clearTimeout(waiting);
  waiting = setTimeout(update, pause);
}

form.addEventListener("input", (event) => soon(event.target.type === "search" ? PAUSE : 0));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  soon(0);
});
