// One played provider: oidc-provider under the addresses and with the claims of Entra v2 or of AD FS
// (design/outlook.md 4.5 and 4.6).

import Provider, { interactionPolicy } from "oidc-provider";

import { TENANT, withId, withLogin, withPassword } from "./people.mjs";
import { problemPage, signInPage } from "./pages.mjs";
import { isJwt, issued, leftHalfHash, reissued, signingKey } from "./tokens.mjs";

const HOUR = 3600;
const DISCOVERY = "/.well-known/openid-configuration";

export function entra(origin, clients) {
  return new Farm("Entra", {
    mount: `/${TENANT}`,
    issuer: `${origin}/${TENANT}/v2.0`,
    discovery: `/v2.0${DISCOVERY}`,
    routes: { authorization: "/oauth2/v2.0/authorize", token: "/oauth2/v2.0/token", jwks: "/discovery/v2.0/keys" },
    claims: (person) => ({
      // Pairwise at Entra: another value at every client, which is why the host stores tid and oid.
      sub: `pairwise-${person.id}`, oid: person.id, tid: TENANT, ver: "2.0", name: person.name, preferred_username: person.address,
    }),
    clients,
  });
}

export function adfs(origin, clients) {
  return new Farm("AD FS", {
    mount: "/adfs",
    issuer: `${origin}/adfs`,
    discovery: DISCOVERY,
    routes: { authorization: "/oauth2/authorize", token: "/oauth2/token", jwks: "/discovery/keys" },
    claims: (person) => ({ sub: `adfs-${person.id}`, upn: person.address, unique_name: `EXAMPLE\\${person.login}` }),
    accessTokenIssuer: `${origin.replace(/^https/, "http").replace(/:\d+$/, "")}/adfs/services/trust`,
    accessClaims: (person) => ({
      upn: person.address, unique_name: `EXAMPLE\\${person.login}`, email: person.address, apptype: "Public", ver: "1.0",
    }),
    clients,
  });
}

export class Farm {
  constructor(name, plan) {
    Object.assign(this, { name, ...plan, key: signingKey(`${plan.mount.slice(1)}-1`), log: [] });
    this.reset();
    this.provider = new Provider(this.issuer, this.configuration());
    this.provider.proxy = true;
    this.provider.use((ctx, next) => this.adjustAnswer(ctx, next));
  }

  // What tests switch at run time; see server.mjs for the meaning.
  reset() {
    this.behaviour = { coop: null, alwaysAsk: false, down: {}, idToken: {}, accessToken: {}, audience: "bare", discovery: {} };
    this.log.length = 0;
  }

  configuration() {
    const prefix = this.mount.slice(1, 9);
    const allClaims = Object.keys(this.claims({}));
    return {
      clients: this.clients,
      jwks: { keys: [this.key.jwk] },
      routes: this.routes,
      claims: { openid: allClaims },
      conformIdTokenClaims: false,
      responseTypes: ["code"],
      scopes: ["openid", "profile", "email", "offline_access"],
      pkce: { required: () => true },
      cookies: {
        keys: ["only for tests"],
        names: { session: `${prefix}_session`, interaction: `${prefix}_interaction`, resume: `${prefix}_resume` },
      },
      ttl: { AccessToken: HOUR, AuthorizationCode: 60, Grant: HOUR, IdToken: HOUR, Interaction: HOUR, Session: HOUR },
      interactions: { url: (_ctx, { uid }) => `${this.mount}/interaction/${uid}`, policy: interactionPolicy.base() },
      findAccount: (_ctx, id) => this.account(id),
      loadExistingGrant: (ctx) => this.grantEverything(ctx),
      renderError: (ctx, out) => Object.assign(ctx, { type: "html", body: problemPage(out) }),
      extraTokenClaims: (_ctx, token) => this.accessClaims?.(withId(token.accountId)),
      features: this.features(),
    };
  }

  features() {
    return {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: Boolean(this.accessTokenIssuer),
        // AD FS takes the resource at the authorization endpoint and does not ask again for the code.
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: "", audience: resource, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } },
        }),
      },
    };
  }

  account(id) {
    const person = withId(id);
    return person && { accountId: id, claims: () => this.claims(person) };
  }

  // Nobody is asked for consent: an administrator gave it.
  async grantEverything(ctx) {
    const { client, session, requestParamScopes, params } = ctx.oidc;
    const grant = new this.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope([...requestParamScopes].join(" "));
    for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, "");
    await grant.save();
    return grant;
  }

  async adjustAnswer(ctx, next) {
    await next();
    const route = ctx._matchedRouteName;
    if (route === "discovery") ctx.body = { ...ctx.body, ...this.extraDiscovery(), ...this.behaviour.discovery };
    if (route === "token" && ctx.status === 200) ctx.body = this.adjustedTokens(ctx.body);
  }

  extraDiscovery() {
    return this.accessTokenIssuer ? { access_token_issuer: this.accessTokenIssuer } : {};
  }

  adjustedTokens(body) {
    const { idToken, accessToken } = this.behaviour;
    const answer = { ...body };
    if (isJwt(body.access_token) && this.accessTokenIssuer) {
      const claims = { iss: this.accessTokenIssuer, aud: this.accessAudience(body.access_token), ...accessToken.claims };
      answer.access_token = reissued(body.access_token, this.key, { ...accessToken, claims });
    }
    if (answer.id_token) {
      const claims = { at_hash: leftHalfHash(answer.access_token), ...idToken.claims };
      answer.id_token = idToken.absent ? undefined : reissued(answer.id_token, this.key, { ...idToken, claims });
    }
    return answer;
  }

  // An access token as Outlook gets it for an add-in, without a visit here: by SSO or by nested app authentication.
  accessToken(login, how) {
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: this.issuer, iat: now, nbf: now, exp: now + HOUR, azpacr: "0", ...this.claims(withLogin(login)) };
    return issued(payload, this.key, how);
  }

  accessAudience(token) {
    const { aud } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    return this.behaviour.audience === "prefixed" ? `microsoft:identityserver:${aud}` : aud;
  }

  // Answers one request whose path begins with `mount`.
  async handle(request, response) {
    request.originalUrl = request.url;
    const path = request.url.slice(this.mount.length) || "/";
    const part = this.partOf(path);
    this.log.push({ method: request.method, part, path });
    if (this.outOfOrder(part, response)) return undefined;
    if (this.behaviour.coop && ["authorize", "interaction"].includes(part)) {
      response.setHeader("Cross-Origin-Opener-Policy", this.behaviour.coop);
    }
    if (part === "interaction") return this.interact(request, response);
    if (this.behaviour.alwaysAsk && path.startsWith(`${this.routes.authorization}?`)) delete request.headers.cookie;
    request.url = part === "discovery" ? DISCOVERY : path;
    request.originalUrl = this.mount + request.url;
    return this.provider.callback()(request, response);
  }

  partOf(path) {
    if (path.startsWith("/interaction/")) return "interaction";
    if (path.startsWith(this.discovery)) return "discovery";
    if (path.startsWith(this.routes.jwks)) return "keys";
    if (path.startsWith(this.routes.token)) return "token";
    return path.startsWith(this.routes.authorization) ? "authorize" : "other";
  }

  outOfOrder(part, response) {
    const how = this.behaviour.down[part] ?? this.behaviour.down.all;
    if (how === undefined) return false;
    if (how === "reset") response.socket.destroy();
    if (typeof how === "number") response.writeHead(how, { "Content-Type": "text/plain" }).end("out of order");
    return true; // anything else: no answer at all
  }

  async interact(request, response) {
    if (request.method !== "POST") return html(response, signInPage(this.name));
    const form = await formOf(request);
    if (form.get("act") === "deny") {
      return this.provider.interactionFinished(request, response, {
        error: "access_denied", error_description: "The person pressed Deny.",
      });
    }
    const person = withPassword(form.get("login"), form.get("password"));
    if (!person) return html(response, signInPage(this.name, "User name or password is wrong."));
    return this.provider.interactionFinished(request, response, { login: { accountId: person.id } });
  }
}

function html(response, text) {
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" }).end(text);
}

async function formOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString("utf8"));
}
