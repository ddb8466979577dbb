/** The demo's page: a compose window, and the switches above it. */

import { composeWindow } from "./compose.js";
import { beginSoon, sending } from "./sending.js";

const compose = composeWindow(document);
const changePerson = sending(document, compose);
const control = (id) => document.getElementById(id);

control("dark").addEventListener("change", (event) => compose.setTheme(event.target.checked ? "dark" : "light"));
control("width").addEventListener("change", (event) => (document.documentElement.dataset.paneWidth = event.target.value));
control("plain-text").addEventListener("change", (event) => compose.setPlainText(event.target.checked));
control("integration").addEventListener("change", (event) => event.target.form.requestSubmit());
control("person").addEventListener("change", ({ target }) => {
  compose.setPerson({ name: target.selectedOptions[0].textContent, email: target.value });
  changePerson();
});
document.addEventListener("appointment", () => beginSoon(document));
beginSoon(document);
control("new-meeting").addEventListener("click", compose.renew);

if (matchMedia("(prefers-color-scheme: dark)").matches) control("dark").click();
