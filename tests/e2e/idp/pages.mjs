// The provider's two pages: the sign-in form and the page that says what went wrong.

const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function page(title, content) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<link rel="icon" href="data:,"></head><body><main><h1>${escaped(title)}</h1>${content}</main></body></html>`;
}

export function signInPage(farm, problem = "") {
  return page(`Sign in to ${farm}`, `<p role="alert">${escaped(problem)}</p>
<form method="post">
<p><label>User name <input name="login" autocomplete="off" autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="off"></label></p>
<p><button name="act" value="sign-in">Sign in</button> <button name="act" value="deny">Deny</button></p>
</form>`);
}

export function problemPage({ error, error_description: description = "" }) {
  return page("Sign-in problem", `<p>${escaped(error)}</p><p>${escaped(description)}</p>`);
}
