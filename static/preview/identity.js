/**
 * Who is signed in to the simulated Outlook, and the tokens that say so. The demo's server takes `demo:ADDRESS` for a
 * token; nothing here is signed, and no other server accepts it.
 */

const EXCHANGE_GIVES_NONE = 9018;
const TENANT = "demo";

/** @typedef {{name: string, email: string}} Person */

/**
 * @param {"enterprise"|"office365"|undefined} account  what kind of mailbox is played
 * @param {() => Person} who
 */
export function playedIdentity(account, who) {
  const isOnline = account === "office365";
  const token = () => `demo:${who().email}`;

  const nested = {
    GetInitContext: () => ({
      initContext: {
        sdkName: "simulated Outlook", sdkVersion: "1", capabilities: { queryAccount: true }, accountContext: accountOf(who()),
      },
    }),
    GetToken: ({ scope }) => ({
      token: { access_token: token(), id_token: idToken(who()), expires_in: 600, scope },
      account: { ...accountOf(who()), username: who().email, localAccountId: who().email, name: who().name },
    }),
  };
  nested.GetTokenPopup = nested.GetToken;

  return {
    /** What the host tells an add-in at the start. */
    profile: () => ({ displayName: who().name, emailAddress: who().email, accountType: account }),
    sets: { Mailbox: "1.8", DialogApi: "1.2", ...(isOnline ? { NestedAppAuth: "1.1", IdentityAPI: "1.3" } : {}) },
    answers: {
      "identity.exchange": () => (isOnline ? refused(EXCHANGE_GIVES_NONE) : token()),
      "identity.sso": () => (isOnline ? token() : refused(13012)),
      "identity.nested": ({ method, tokenParams }) =>
        isOnline && Object.hasOwn(nested, method)
          ? { success: true, ...nested[method](tokenParams) } : { success: false, error: { status: "DISABLED" } },
    },
  };
}

/** An error as the compose window passes it on. */
function refused(code) {
  throw Object.assign(new Error("The simulated Outlook gives no such token."), { code });
}

function accountOf({ email }) {
  return { homeAccountId: `${email}.${TENANT}`, environment: "login.microsoftonline.com", tenantId: TENANT };
}

/** What the library for nested app authentication reads names from; it proves nothing. */
function idToken({ name, email }) {
  const part = (value) => btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const claims = { oid: email, tid: TENANT, name, preferred_username: email };
  return [part({ typ: "JWT", alg: "none" }), part(claims), "unsigned"].join(".");
}
