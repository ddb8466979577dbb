/** Light or dark, as Outlook says; where it does not say, the style sheet follows the system. */

/** Follow Outlook's theme, now and when it changes. */
export function followTheme() {
  paint(Office.context.officeTheme);
  try {
    const mailbox = Office.context.mailbox;
    mailbox.addHandlerAsync(Office.EventType.OfficeThemeChanged, (event) => paint(event.officeTheme), () => {});
  } catch {
    // Older clients know no such event; the theme of the start stays.
  }
}

function paint(theme) {
  const background = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(theme?.bodyBackgroundColor || "");
  if (!background) return;
  const [red, green, blue] = background.slice(1).map((part) => parseInt(part, 16));
  document.documentElement.dataset.theme = red * 0.299 + green * 0.587 + blue * 0.114 < 128 ? "dark" : "light";
}
