// Follows the checks while they are at work: every second the page asks how far they are.

const run = document.querySelector("[data-progress]");
const EVERY_MS = 1000;
const LONGEST_PAUSE_MS = 15000;

function show(step, item) {
  item.className = `step step-${step.kind}`;
  const state = item.querySelector(".state");
  state.className = `state state-${step.kind}`;
  state.textContent = step.label;
  item.querySelector(".step-message").textContent = step.message;
  item.querySelector(".step-next").textContent = step.next_step;
  item.querySelector(".step-seconds").textContent = step.seconds;
}

function update(found) {
  const items = document.querySelectorAll("#steps > li");
  if (items.length !== found.steps.length) {
    location.reload(); // the integration was changed meanwhile, and with it what is checked
    return;
  }
  found.steps.forEach((step, at) => show(step, items[at]));
  const bar = document.getElementById("run-bar");
  bar.value = found.done;
  if (found.state === "running") return;
  document.getElementById("run-summary").textContent = found.summary;
  bar.remove();
  document.getElementById("run-note").remove();
  const again = document.getElementById("check-now");
  if (again) again.disabled = false;
}

async function follow(pause) {
  let next = EVERY_MS;
  try {
    const answer = await fetch(run.dataset.progress, { headers: { Accept: "application/json" }, redirect: "error" });
    if (answer.ok) {
      const found = await answer.json();
      update(found);
      if (found.state !== "running") return;
    } else if (answer.status < 500) {
      location.reload(); // signed out, or deleted: the page itself says so
      return;
    }
  } catch {
    next = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
  setTimeout(() => follow(next), next);
}

if (run) setTimeout(() => follow(EVERY_MS), EVERY_MS);
