// The dialog's first page, on the add-in's origin; it leaves for the provider that the test names.
window.location.replace(new URLSearchParams(window.location.search).get("to"));
