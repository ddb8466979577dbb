// How far an import is, asked once a second; the page is loaded anew when its state changes.

const PAUSE = 1000;
const place = document.querySelector("[data-import]");
const bar = place.querySelector("progress");
const figures = place.querySelector("[data-figures]");
let state = null;

async function ask() {
  try {
    const answer = await fetch(place.dataset.import, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("no answer");
    const found = await answer.json();
    if (!found.busy || (state !== null && found.state !== state)) {
      location.reload();
      return;
    }
    state = found.state;
    show(found);
  } catch {
    figures.textContent = "The server does not answer. Asking again.";
  }
  setTimeout(ask, PAUSE);
}

function show({ done, all }) {
  if (!done) return;
  if (all) {
    bar.max = all;
    bar.value = done;
  }
  figures.textContent = `${done.toLocaleString()}${all ? ` of ${all.toLocaleString()}` : ""} rows`;
}

ask();
