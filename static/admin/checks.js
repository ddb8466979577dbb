// Follows the checks while they are at work.

import { poll } from "./asking.js";

const run = document.querySelector("[data-progress]");

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
    return true;
  }
  found.steps.forEach((step, at) => show(step, items[at]));
  const bar = document.getElementById("run-bar");
  bar.value = found.done;
  if (found.state === "running") return false;
  document.getElementById("run-summary").textContent = found.summary;
  bar.remove();
  document.getElementById("run-note").remove();
  const again = document.getElementById("check-now");
  if (again) again.disabled = false;
  return true;
}

if (run) poll(run.dataset.progress, update);
