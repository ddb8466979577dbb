// Classic Outlook for Windows as launch.js finds it: an engine with the language and Office, no page, no imports.
// Every line of standard input is a list of cases; a line with what became of each answers it.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createContext, runInContext } from "node:vm";

const [, , file] = process.argv;
const source = readFileSync(file, "utf8");

function play({ body = "", text = null, mark, marks = mark ? [mark] : [], stored, required = [], optional = [], places = null,
  ends = 60, series = null, fail = {}, timers = true, office = true, without = [] }) {
  const calls = [];
  const late = [];
  const answer = (name, value) => (...given) => {
    const done = given.pop();
    calls.push(name);
    if (fail[name] === "throw") throw new Error("thrown at once");
    if (fail[name] === "silent") return;
    if (fail[name] === "twice") done({ status: "succeeded", value: value(...given) });
    if (typeof fail[name] === "number") return void done({ status: "failed", error: { code: fail[name] } });
    Promise.resolve().then(() => done({ status: "succeeded", value: value(...given) }));
  };
  const people = (list) => list.map((emailAddress) => ({ emailAddress, displayName: "" }));
  const recurrence = series && { seriesTime: { getEndDate: () => series.endDate } };
  const item = {
    loadCustomPropertiesAsync: answer("properties", () => ({ get: () => stored ?? JSON.stringify(marks) })),
    body: { getAsync: answer("body", (coercion) => (coercion === "html" ? body : text ?? body)) },
    requiredAttendees: { getAsync: answer("required", () => people(required)) },
    optionalAttendees: { getAsync: answer("optional", () => people(optional)) },
    end: { getAsync: answer("end", () => new Date(Date.now() + ends * 60_000)) },
    recurrence: { getAsync: answer("recurrence", () => recurrence) },
  };
  if (places) item.enhancedLocation = { getAsync: answer("places", () => people(places)) };
  for (const name of without) delete item[name];
  const associated = {};
  const globals = { Office: { actions: { associate: (name, run) => (associated[name] = run) }, context: { mailbox: { item } } } };
  if (!office) delete globals.Office;
  if (timers) globals.setTimeout = (run, within) => void late.push({ run, within });
  const world = createContext(globals);
  runInContext(source, world);
  const began = process.cpuUsage();
  const outcomes = [];
  const event = { completed: (outcome) => outcomes.push({ outcome, after: calls.length }) };
  const run = associated.checkOnSend ?? world.checkOnSend;
  run(event);
  return new Promise((resolve) => setTimeout(() => {
    const { user, system } = process.cpuUsage(began);
    const before = outcomes.length;
    late.forEach((one) => one.run());
    resolve({ outcomes, calls, before, cpu: (user + system) / 1e6, within: late.map((one) => one.within), isGlobal: world.checkOnSend === run });
  }, 0));
}

for await (const line of createInterface({ input: process.stdin })) {
  const results = [];
  for (const one of JSON.parse(line)) results.push(await play(one));
  process.stdout.write(`${JSON.stringify(results)}\n`);
}
