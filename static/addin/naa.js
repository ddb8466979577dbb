/**
 * Nested app authentication: Outlook, which is signed in already, gets the token for our API. The library is large, so
 * it is loaded when it is first needed, and keeps what it is given in memory.
 */

/**
 * @param {null|{clientId: string, authority: string, scope: string, library: string}} settings
 */
export function createNaa(settings) {
  let loaded = null;

  async function load() {
    await import(settings.library); // a script for every module system; as a module it leaves the name `msal`
    return globalThis.msal.createNestablePublicClientApplication({
      auth: { clientId: settings.clientId, authority: settings.authority },
      cache: { cacheLocation: "memoryStorage" },
    });
  }

  function application() {
    loaded ??= load().catch((problem) => {
      loaded = null;
      throw problem;
    });
    return loaded;
  }

  /** Without a bridge the library would try a sign-in of its own inside the frame, which no provider allows. */
  function isSupported() {
    const bridged = globalThis.nestedAppAuthBridge || typeof globalThis.__initializeNestedAppAuth === "function";
    return Boolean(settings?.library && bridged && Office.context.requirements?.isSetSupported("NestedAppAuth", "1.1"));
  }

  /**
   * @param {boolean} asking  Outlook may ask the person something
   * @returns {Promise<string>}
   */
  async function token(asking) {
    const request = { scopes: [settings.scope] };
    const msal = await application();
    const result = await (asking ? msal.acquireTokenPopup(request) : msal.acquireTokenSilent(request));
    return result.accessToken;
  }

  return { isSupported, token };
}

/** Whether Outlook could go on if it may ask the person. @param {any} problem */
export function wantsPerson(problem) {
  return problem?.name === "InteractionRequiredAuthError" || problem?.errorCode === "no_account_found";
}
