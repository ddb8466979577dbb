// Plays the sign-in providers for the end-to-end tests: npm oidc-provider as Entra v2 and as AD FS, state in memory.
//
//   node server.mjs '{"origin": "https://login.example.test:8443", "port": 9001, "controlPort": 9002,
//                     "entra": [client], "adfs": [client]}'
//
// The control port (loopback, never behind nginx) lets a test switch behaviour:
//   GET  /FARM/log                 requests so far, as {method, part, path}; part is authorize, interaction, token, …
//   PUT  /FARM/behaviour  {…}      merged over the present behaviour:
//        coop        value of Cross-Origin-Opener-Policy on sign-in pages, or null
//        alwaysAsk   true: an existing session does not sign in silently
//        down        {part or "all": 503 | "reset" | "hang"}
//        idToken     {claims, header, shift (seconds), key: own | foreign | none, absent}, laid over every ID token
//        accessToken the same for JWT access tokens
//        audience    bare | prefixed (microsoft:identityserver:RESOURCE)
//        discovery   keys laid over the discovery document
//   POST /FARM/token  {login, claims, header, shift, key}   answers {token}: an access token for an add-in, spoilt likewise
//   POST /reset                    everything back to the beginning, logs emptied
// FARM is entra or adfs.

import { createServer } from "node:http";

import { adfs, entra } from "./farm.mjs";

const plan = JSON.parse(process.argv[2]);
const farms = { entra: entra(plan.origin, plan.entra), adfs: adfs(plan.origin, plan.adfs) };

function reply(response, status, value) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

function serve(request, response) {
  const farm = Object.values(farms).find(({ mount }) => request.url.startsWith(`${mount}/`));
  if (!farm) return reply(response, 404, { error: "no such provider" });
  return farm.handle(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) reply(response, 500, { error: String(error) });
  });
}

async function control(request, response) {
  if (request.url === "/reset") {
    for (const farm of Object.values(farms)) farm.reset();
    return reply(response, 200, {});
  }
  const [, name, what] = request.url.split("/");
  const farm = farms[name];
  if (!farm) return reply(response, 404, {});
  if (what === "log") return reply(response, 200, farm.log);
  const parts = [];
  for await (const part of request) parts.push(part);
  const wanted = JSON.parse(Buffer.concat(parts).toString("utf8"));
  if (what === "token") return reply(response, 200, { token: farm.accessToken(wanted.login, wanted) });
  Object.assign(farm.behaviour, wanted);
  return reply(response, 200, farm.behaviour);
}

createServer(serve).listen(plan.port, "127.0.0.1");
createServer(control).listen(plan.controlPort, "127.0.0.1", () => console.log("ready"));
