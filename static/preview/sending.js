/** Send in the simulated Outlook, and the answers that come back: the demo's server plays Exchange. */

const MAIL_EVERY_MS = 1500;

/**
 * @param {Document} page
 * @param {ReturnType<import("./compose.js").composeWindow>} compose
 */
export function sending(page, compose) {
  const control = (id) => page.getElementById(id);
  const send = control("send");
  const cancel = control("cancel-meeting");
  const token = page.querySelector("meta[name=csrf-token]");
  const shown = new Set();
  let id = crypto.randomUUID();
  let isSent = false;

  async function post(isCancelled) {
    const repeat = control("repeat").value;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const body = { ...compose.appointment(), id, zone, repeat, times: 5, is_cancelled: isCancelled };
    await look(); // the token that came with the page is void once an administrator has signed in beside it
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token.content };
    const answer = await fetch("/demo/send", { method: "POST", headers, body: JSON.stringify(body) });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error?.message ?? "This appointment cannot be sent. Load the page again.");
    return told.mailboxes;
  }

  async function press(isCancelled) {
    send.disabled = cancel.disabled = true;
    try {
      const isUpdate = isSent;
      const mailboxes = await post(isCancelled);
      isSent = !isCancelled;
      compose.notify(words(isCancelled, isUpdate, mailboxes));
      label();
    } catch (problem) {
      compose.notify(problem.message);
    } finally {
      send.disabled = cancel.disabled = false;
    }
    await look();
  }

  function words(isCancelled, isUpdate, mailboxes) {
    if (isCancelled) return "The cancellation is sent. The room is given back.";
    if (!mailboxes.length) return "Sent. No equipment mailbox is invited, so no room is scheduled.";
    const people = new Set(compose.appointment().invited.map((address) => address.toLowerCase()));
    if (!mailboxes.some((address) => people.has(address))) {
      return "Sent. The equipment mailbox is not invited any more, so the room is given back.";
    }
    return isUpdate
      ? "Sent. When the time has changed, the equipment mailbox answers in the inbox below."
      : "Sent. The answer of the equipment mailbox arrives in the inbox below.";
  }

  function label() {
    send.textContent = isSent ? "Send update" : "Send";
    cancel.hidden = !isSent;
  }

  async function look() {
    const person = compose.person();
    const answer = await fetch(`/demo/mail?person=${encodeURIComponent(person.email)}`);
    if (!answer.ok || person !== compose.person()) return;
    const { mail, csrf_token: current } = await answer.json();
    token.content = current;
    for (const letter of mail.filter((one) => !shown.has(one.id))) {
      shown.add(letter.id);
      control("mail").prepend(entry(letter));
    }
    control("no-mail").hidden = shown.size > 0;
  }

  function entry(letter) {
    const made = page.createElement("li");
    const head = page.createElement("p");
    const from = page.createElement("strong");
    const text = page.createElement("div");
    made.className = letter.accepted ? "accepted" : "declined";
    from.textContent = letter.from;
    head.append(from, ` ${letter.subject}`);
    text.append(...compose.nodesOf(letter.html));
    made.append(head, text);
    return made;
  }

  send.addEventListener("click", () => press(false));
  cancel.addEventListener("click", () => press(true));
  page.addEventListener("appointment", () => {
    id = crypto.randomUUID();
    isSent = false;
    label();
  });
  setInterval(() => page.visibilityState === "visible" && look(), MAIL_EVERY_MS);

  /** Show the mail of whoever sits there now. */
  return function changePerson() {
    control("inbox-owner").textContent = compose.person().name;
    shown.clear();
    control("mail").replaceChildren();
    look();
  };
}

/** Let an appointment begin at the next full hour and last half of one. @param {Document} page */
export function beginSoon(page) {
  const start = new Date(Date.now() + 3_600_000);
  start.setMinutes(0, 0, 0);
  const local = (instant) => new Date(instant - start.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  page.getElementById("start").value = local(start.getTime());
  page.getElementById("end").value = local(start.getTime() + 1_800_000);
}
