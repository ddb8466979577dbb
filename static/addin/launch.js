/**
 * The check on Send: warns about a single-use VMR that would be refused an hour later. Whatever goes wrong here, and
 * whatever takes too long, lets the meeting be sent.
 *
 * Classic Outlook for Windows runs this one file by itself: no page, no imports, no Office.onReady, nothing newer than
 * ES2016. Everywhere else the commands page loads it. Outlook knows the function by its name.
 */
var checkOnSend = (function () {
  "use strict";

  const MARKS = "addinHost";
  const MOST_CALLS = 6;
  const WITHIN = 4500; // after five seconds Outlook tells people that an add-in is slow
  const DAY = 86400000;
  const LONGEST_ADDRESS = 120;
  const MOST_HYPHENS = 40;
  const HIDDEN = ["style", "script"];
  const NAMED = {
    amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", colon: ":", num: "#", hyphen: "-", dash: "-", ndash: "-", mdash: "-",
    horbar: "-", minus: "-", nbsp: "", shy: "", ensp: "", emsp: "", thinsp: "", zwj: "", zwnj: "", lrm: "", rlm: "", Tab: "",
    NewLine: "", ZeroWidthSpace: "", NoBreak: "",
  };

  function checkOnSend(event) {
    let over = false;
    function finish(warning) {
      if (over) return;
      over = true;
      event.completed(warning ? { allowEvent: false, errorMessage: warning } : { allowEvent: true });
    }
    if (typeof setTimeout === "function") setTimeout(() => finish(""), WITHIN);
    Promise.resolve().then(() => check(Office.context.mailbox.item)).then(finish, () => finish(""));
  }

  /** The first thing that is wrong, as a sentence for a person; "" when nothing is. */
  function check(item) {
    const ask = counting();
    return ask((done) => item.loadCustomPropertiesAsync(done)).then((properties) => {
      const mark = newest(properties.get(MARKS));
      if (!mark) return "";
      return inTurn([() => damaged(ask, item, mark), () => dismissed(ask, item, mark), () => past(ask, item)]);
    });
  }

  /** One call after the other, as a promise each. A meeting that would need more calls than a few is let go. */
  function counting() {
    let calls = 0;
    return (start) => new Promise((resolve, reject) => {
      calls += 1;
      if (calls > MOST_CALLS) throw new Error("enough");
      start((result) => (result.status === "succeeded" ? resolve(result.value) : reject(new Error("refused"))));
    });
  }

  function inTurn(rules) {
    return rules.reduce((before, rule) => before.then((warning) => warning || rule()), Promise.resolve(""));
  }

  /** What was inserted last, when that is a single-use VMR. Older marks say nothing about the meeting. */
  function newest(stored) {
    const marks = JSON.parse(stored || "[]");
    const mark = Array.isArray(marks) ? marks[0] : null;
    return mark && mark.kind === "single-use" && typeof mark.tag === "string" && idOf(mark.tag) ? mark : null;
  }

  function damaged(ask, item, mark) {
    const read = (coercion, isHtml) => ask((done) => item.body.getAsync(coercion, done))
      .then((body) => holds(isHtml ? withoutMarkup(body) : body, mark.tag));
    return read("html", true).catch(() => false)
      .then((found) => found || read("text", false))
      .then((found) => (found ? "" : `The line that begins with ${mark.tag.slice(0, mark.tag.indexOf(":") + 1)} was changed or `
        + "removed from this meeting, so no VMR will be scheduled for it. Undo the change, or open the add-in's pane and "
        + "add or replace the VMR there."));
  }

  function dismissed(ask, item, mark) {
    const address = typeof mark.mailbox === "string" ? mark.mailbox.trim().toLowerCase() : "";
    if (!address) return "";
    const listed = (list) => ask((done) => list.getAsync(done)).then((people) => people.some((one) => mayBe(one, address)));
    return listed(item.requiredAttendees)
      .then((found) => found || listed(item.optionalAttendees))
      .then((found) => found || Boolean(item.enhancedLocation) && listed(item.enhancedLocation))
      .then((found) => (found ? "" : `${address.slice(0, LONGEST_ADDRESS)} is no longer invited to this meeting, so no VMR will `
        + "be scheduled for it. Add that address to the required attendees again, or remove the VMR in the add-in's pane."));
  }

  /** Exchange may name somebody by an address of its own, which only the server can tell. */
  function mayBe(person, address) {
    const own = String(person.emailAddress || "").toLowerCase();
    return own === address || (own !== "" && own.indexOf("@") < 0);
  }

  /** A series is over when its last day is; one without an end, or whose end nobody tells, is not. */
  function past(ask, item) {
    return ask((done) => item.end.getAsync(done)).then((end) => {
      if (!(end.getTime() < Date.now())) return "";
      return ask((done) => item.recurrence.getAsync(done)).then((series) => (isOver(series)
        ? "This meeting has already ended, so a VMR may be refused for it. Choose a later time." : ""));
    });
  }

  function isOver(series) {
    if (!series) return true;
    const last = series.seriesTime && series.seriesTime.getEndDate ? Date.parse(series.seriesTime.getEndDate()) : NaN;
    return last + 2 * DAY < Date.now(); // the day ends at different times around the world
  }

  /** Whether a text holds this tag, however mail programs wrapped and spaced it (addin_host/domain/tag.py does the same). */
  function holds(text, tag) {
    const [body, kind, id] = [letters(text), letters(tag).split(":")[0], idOf(tag)];
    for (let at = body.indexOf(id); at >= 0; at = body.indexOf(id, at + 1)) {
      if (body.slice(Math.max(0, at - MOST_HYPHENS), at).replace(/-+$/, "").endsWith(`${kind}:`)) return true;
    }
    return false;
  }

  /** The part of a tag that names a VMR; "" when it is none. */
  function idOf(tag) {
    const found = /^(?:PXPS|TOK):-*([A-Z2-7]{58}|[A-Z2-7]{64})#?$/.exec(letters(tag));
    return found ? found[1] : "";
  }

  function letters(text) {
    const plain = text.replace(/^[ \t]*(?:>[ \t]*)+/gm, "").replace(/\u00ad/g, "");
    return (plain.normalize ? plain.normalize("NFKC") : plain)
      .replace(/[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/g, "-")
      .replace(/[\s\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+/g, "")
      .toUpperCase();
  }

  /** What a reader sees of HTML: no comments, styles, scripts or tags. Each search that finds nothing is the last of its kind. */
  function withoutMarkup(html) {
    const low = html.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
    const missing = {};
    const after = (what, from) => {
      const at = missing[what] ? -1 : low.indexOf(what, from);
      missing[what] = at < 0;
      return at < 0 ? -1 : at + what.length;
    };
    const pieces = [];
    let shown = 0;
    for (let open = low.indexOf("<"); open >= 0; open = low.indexOf("<", shown)) {
      pieces.push(html.slice(shown, open));
      const close = endOfMarkup(low, open, after);
      if (close < 0) break;
      shown = close;
    }
    return pieces.concat(html.slice(shown)).join("").replace(/&(?:#x([0-9a-f]+);?|#([0-9]+);?|([a-z]+);)/gi, character);
  }

  function endOfMarkup(low, open, after) {
    const hidden = HIDDEN.find((name) => low.startsWith(name, open + 1) && !/[\w-]/.test(low.charAt(open + 1 + name.length)));
    const comment = low.startsWith("!--", open + 1) ? after("-->", open + 4) : -1;
    if (comment >= 0) return comment;
    const inner = hidden ? after(`</${hidden}`, open) : -1;
    return after(">", inner >= 0 ? inner : open);
  }

  function character(entity, hexadecimal, decimal, name) {
    if (name) return Object.prototype.hasOwnProperty.call(NAMED, name) ? NAMED[name] : entity;
    const code = hexadecimal ? parseInt(hexadecimal, 16) : parseInt(decimal, 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
  }

  if (typeof Office !== "undefined" && Office.actions) Office.actions.associate("checkOnSend", checkOnSend);
  return checkOnSend;
})();
