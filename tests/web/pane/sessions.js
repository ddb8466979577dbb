/** A session over the identity of identities.js, and a server whose answers a test can name. */
async (folder) => {
  const { ApiError, createApi } = await import(`${folder}/api.js`);
  const { createSession, SignedOut } = await import(`${folder}/session.js`);
  globalThis.posted = [];
  globalThis.answers = {};  // by token, bearer or "renew": an answer, or a status
  globalThis.fetch = async (address, { body, headers }) => {
    const asked = body ? JSON.parse(body) : {};
    const bearer = (headers.Authorization ?? "").replace("Bearer ", "");
    const path = address.replace("/base", "");
    posted.push([path, asked.token ?? (asked.renew ? "renew" : ""), bearer].join(" ").trim());
    const answer = answers[path === "/session" ? asked.token ?? "renew" : bearer] ?? 401;
    if (answer === 0) throw new TypeError("no network");
    const status = typeof answer === "number" ? answer : 200;
    const failure = { error: { code: "sample" }, placeholder: status === 503 ? { tok: "fresh" } : undefined };
    const data = status === 200 ? answer : failure;
    return new Response(JSON.stringify(data), { status, headers: { "Retry-After": "7" } });
  };
  globalThis.told = [];
  const request = createApi("/base", (line) => lines.push(line));
  globalThis.session = createSession(request, (...given) => told.push(given), identity);
  globalThis.outcome = (work) => work.then(
    (value) => value,
    (problem) => problem instanceof SignedOut ? "signed out"
      : problem instanceof ApiError ? [problem.status, problem.retryAfter, problem.placeholder] : String(problem));
}
