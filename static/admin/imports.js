// How far an import is; the page is loaded anew when its state changes.

import { poll } from "./asking.js";

const place = document.querySelector("[data-import]");
const bar = place.querySelector("progress");
const figures = place.querySelector("[data-figures]");
let state = null;

function show(found) {
  if (!found.busy || (state !== null && found.state !== state)) {
    location.reload();
    return true;
  }
  state = found.state;
  if (found.done) count(found);
  return false;
}

function count({ done, all }) {
  if (all) {
    bar.max = all;
    bar.value = done;
  }
  figures.textContent = `${done.toLocaleString()}${all ? ` of ${all.toLocaleString()}` : ""} rows`;
}

poll(place.dataset.import, show, () => (figures.textContent = "The server does not answer. Asking again."));
