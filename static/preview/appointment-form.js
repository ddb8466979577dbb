/** The fields of the simulated appointment, read and written as Outlook would for an add-in. */

import { peopleField } from "./people-field.js";

/** @param {Document} page */
export function appointmentForm(page) {
  const field = (id) => page.getElementById(id);
  const rich = field("body-html");
  const plain = field("body-text");
  const people = { required: peopleField(field("required")), optional: peopleField(field("optional")) };
  const isPlain = () => rich.hidden;

  /** Nodes for HTML text: parsed where nothing runs; styles are set by script, since the page allows none in markup. */
  function nodesOf(html) {
    const unstyled = html.replace(/(<[a-z][^>]*?\s)style=/gi, "$1data-style=");
    const parsed = new DOMParser().parseFromString(unstyled, "text/html");
    const styled = Array.from(parsed.body.querySelectorAll("[data-style]"));
    const nodes = Array.from(parsed.body.childNodes); // a list of its own: whoever is adopted leaves the other one
    nodes.forEach((node) => page.adoptNode(node));
    for (const one of styled) {
      one.style.cssText = one.dataset.style;
      delete one.dataset.style;
    }
    return nodes;
  }

  function paragraphs(text) {
    return text.split(/\r?\n/).map((line) => {
      const paragraph = page.createElement("div");
      paragraph.append(line || page.createElement("br"));
      return paragraph;
    });
  }

  function setPlainText(wanted) {
    if (wanted === isPlain()) return;
    if (wanted) plain.value = rich.innerText.replace(/\n{3,}/g, "\n\n").trim();
    else rich.replaceChildren(...paragraphs(plain.value));
    rich.hidden = wanted;
    plain.hidden = !wanted;
  }

  return {
    bodyType: () => (isPlain() ? "text" : "html"),
    body: (coercion) => (isPlain() ? plain.value : coercion === "text" ? rich.innerText : rich.getHTML()),
    setBody(text, coercion) {
      if (isPlain()) plain.value = text;
      else rich.replaceChildren(...(coercion === "html" ? nodesOf(text) : paragraphs(text)));
    },
    prepend(text, coercion) {
      if (isPlain()) plain.value = text + plain.value;
      else rich.prepend(...(coercion === "html" ? nodesOf(text) : paragraphs(text)));
    },
    people,
    nodesOf,
    subject: () => field("subject").value,
    time: (id) => new Date(field(id).value),
    location: () => field("location").value,
    setLocation: (text) => void (field("location").value = text),
    notify(message) {
      field("notification").textContent = message;
      field("notification").hidden = false;
    },
    setPlainText,
    clear() {
      page.getElementById("appointment").reset();
      field("notification").hidden = true;
      plain.value = "";
      rich.replaceChildren();
      Object.values(people).forEach((line) => line.set([]));
    },
  };
}
