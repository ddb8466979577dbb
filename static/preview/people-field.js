/** A line of attendees: each a pill with a name, added by typing an address, taken off by its button. */

/**
 * @typedef {{displayName: string, emailAddress: string}} Attendee
 * @param {HTMLElement} line  holds a list and an input
 */
export function peopleField(line) {
  const page = line.ownerDocument;
  const list = line.querySelector("ul");
  const entry = line.querySelector("input");
  let people = [];

  function show() {
    list.replaceChildren(...people.map(pill));
    list.hidden = people.length === 0;
  }

  function pill(person) {
    const made = page.createElement("li");
    const button = page.createElement("button");
    const name = person.displayName || person.emailAddress;
    made.title = person.emailAddress;
    button.type = "button";
    button.setAttribute("aria-label", `Remove ${name}`);
    button.addEventListener("click", () => {
      set(people.filter((one) => one !== person));
      entry.focus();
    });
    made.append(name, button);
    return made;
  }

  /** @param {(string|Attendee)[]} wanted  as add-ins may give them */
  function set(wanted) {
    people = wanted.map((one) => (typeof one === "string" ? attendee(one) : { ...one }));
    show();
  }

  /** Somebody by address, with the name that the page knows. */
  function attendee(address) {
    const known = Array.from(entry.list?.options ?? []).find((option) => option.value === address);
    return { displayName: known?.textContent || address, emailAddress: address };
  }

  function take() {
    const typed = entry.value.split(/[;,\s]+/).filter(Boolean);
    entry.value = "";
    if (typed.length) set([...people, ...typed]);
  }

  entry.addEventListener("change", take);
  entry.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== ";") return;
    event.preventDefault();
    take();
  });
  return { get: () => people.map((one) => ({ ...one })), set, add: (more) => set([...people, ...more]) };
}
