/** An Outlook that gives identity tokens, as a test says: `play` of each kind is a token, a code, "silent" or "throw". */
(wanted) => {
  const asked = [];
  const played = { exchange: 9020, sso: 13001, naa: "USER_INTERACTION_REQUIRED", popup: "USER_CANCEL", ...wanted };
  const later = (work) => setTimeout(work, 0);
  const isToken = (play) => typeof play === "string" && play.startsWith("token-");

  function getUserIdentityTokenAsync(callback) {
    asked.push("exchange");
    const play = played.exchange;
    if (play === "throw") throw new Error("thrown at once");
    if (play === "silent") return;
    later(() => callback(isToken(play) ? { status: "succeeded", value: play } : { status: "failed", error: { code: play } }));
  }

  async function getAccessToken(options) {
    asked.push(`sso ${JSON.stringify(options)}`);
    if (played.sso === "silent") return new Promise(() => {});
    if (isToken(played.sso)) return played.sso;
    throw Object.assign(new Error("secret-token in a message"), { code: played.sso });
  }

  const sets = played.sets ?? ["IdentityAPI 1.3", "NestedAppAuth 1.1"];
  globalThis.Office = {
    auth: { getAccessToken },
    context: {
      mailbox: {
        userProfile: { accountType: played.accountType },
        ...(played.exchange === null ? {} : { getUserIdentityTokenAsync }),
      },
      requirements: { isSetSupported: (name, version) => sets.includes(`${name} ${version}`) },
    },
  };

  const part = (value) => btoa(JSON.stringify(value)).replace(/=/g, "");
  const account = { homeAccountId: "oid.tid", environment: "login.microsoftonline.com", tenantId: "tid" };
  const idToken = `${part({ alg: "none" })}.${part({ oid: "oid", tid: "tid", name: "Kim", preferred_username: "kim@example.com" })}.x`;
  const answers = {
    GetInitContext: () => ({
      success: true,
      initContext: { sdkName: "test", sdkVersion: "1", capabilities: { queryAccount: true }, accountContext: account },
    }),
    GetToken: (params) => tokenOf(played.naa, params),
    GetTokenPopup: (params) => tokenOf(played.popup, params),
  };
  const tokenOf = (play, { scope, clientId }) => {
    asked.push(`for ${clientId}: ${scope}`);
    if (!isToken(play)) return { success: false, error: { status: play, code: play, description: "secret-token" } };
    return {
      success: true,
      token: { access_token: play, id_token: idToken, expires_in: 3600, scope },
      account: { ...account, username: "kim@example.com", localAccountId: "oid", name: "Kim" },
    };
  };
  const listeners = new Set();
  const bridge = {
    addEventListener: (type, listener) => listeners.add(listener),
    removeEventListener: (type, listener) => listeners.delete(listener),
    postMessage(text) {
      const { method, requestId, tokenParams } = JSON.parse(text);
      asked.push(method);
      if (played.bridge === "silent") return;
      const answer = { messageType: "NestedAppAuthResponse", requestId, ...answers[method](tokenParams) };
      later(() => listeners.forEach((listener) => listener(JSON.stringify(answer))));
    },
  };
  globalThis.nestedAppAuthBridge = played.bridge === null ? undefined : bridge;
  return Object.assign(globalThis, { asked, played, lines: [], pending: null }) && null;
}
