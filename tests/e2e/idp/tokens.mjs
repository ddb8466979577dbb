// Signing with the provider's own key, or wrongly on purpose.

import { createHash, generateKeyPairSync, sign } from "node:crypto";

export function signingKey(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { kid, privateKey, jwk: { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" } };
}

const FOREIGN = signingKey("foreign");

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decoded = (part) => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));

export function claimsOf(token) {
  return decoded(token.split(".")[1]);
}

export function isJwt(token) {
  return typeof token === "string" && token.split(".").length === 3;
}

// `claims` are laid over the payload, null takes one away; `shift` moves the times; `key` is own, foreign or none.
export function issued(payload, key, { claims = {}, header = {}, shift = 0, key: which = "own" } = {}) {
  const said = { ...payload };
  for (const name of ["iat", "nbf", "exp", "auth_time"]) if (name in said) said[name] += shift;
  Object.assign(said, claims);
  for (const [name, value] of Object.entries(said)) if (value === null) delete said[name];
  const top = { typ: "JWT", alg: which === "none" ? "none" : "RS256", kid: key.kid, ...header };
  const unsigned = `${encoded(top)}.${encoded(said)}`;
  if (which === "none") return `${unsigned}.`;
  const { privateKey } = which === "foreign" ? FOREIGN : key;
  return `${unsigned}.${sign("sha256", Buffer.from(unsigned), privateKey).toString("base64url")}`;
}

export function reissued(token, key, how) {
  return issued(claimsOf(token), key, how);
}

export function leftHalfHash(token) {
  return createHash("sha256").update(token).digest().subarray(0, 16).toString("base64url");
}
