// Scores one page with MDN's HTTP Observatory, run against the nginx of the tests.
// Usage: node observatory.mjs '{"hostname": …, "httpPort": …, "httpsPort": …, "path": …, "cookie": …}'
import dns from "node:dns";
import { existsSync, writeFileSync } from "node:fs";
import net from "node:net";

const { hostname, cookie, ...where } = JSON.parse(process.argv[2]);

// Every name is this machine: the played hosts exist nowhere else.
dns.lookup = (_name, options, done) => {
  const answer = done ?? options;
  if (options?.all) answer(null, [{ address: "127.0.0.1", family: 4 }]);
  else answer(null, "127.0.0.1", 4);
};

// The shipped redirect goes to the usual port, where nobody listens in a test.
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  if (Number(options?.port) === 443) options.port = where.httpsPort;
  return connect.apply(this, given);
};

// The package downloads the browsers' preload list when it is installed with scripts; without it no name is preloaded.
const packageRoot = new URL("./node_modules/@mdn/mdn-http-observatory/", import.meta.url);
const preload = new URL("conf/hsts-preload.json", packageRoot);
if (!existsSync(preload)) writeFileSync(preload, "{}");

const { retrieve } = await import(new URL("src/retriever/retriever.js", packageRoot));
const { ALL_TESTS } = await import(new URL("src/constants.js", packageRoot));
const { getGradeForScore, getScoreModifier } = await import(new URL("src/grader/grader.js", packageRoot));
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await import(new URL("src/grader/charts.js", packageRoot));

const headers = ["Accept: text/html", ...(cookie ? [`Cookie: ${cookie}`] : [])];
const requests = await retrieve(hostname, { ...where, headers });
if (!requests.responses.auto) throw new Error("the page did not answer");
const results = ALL_TESTS.map((test) => test(requests)).filter((result) => result.result);
const modifiers = results.map((result) => getScoreModifier(result.result));
const withoutExtra = 100 + modifiers.filter((points) => points < 0).reduce((sum, points) => sum + points, 0);
const withExtra = 100 + modifiers.reduce((sum, points) => sum + points, 0);
const score = withoutExtra >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? withExtra : withoutExtra;
console.log(JSON.stringify({
  status: requests.responses.auto.status,
  title: /<title>([^<]*)/.exec(requests.resources.path ?? "")?.[1] ?? "",
  ...getGradeForScore(score),
  results: Object.fromEntries(results.map((result) => [result.constructor.name, [result.result, getScoreModifier(result.result)]])),
}));
