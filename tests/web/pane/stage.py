"""A pane in Chromium without a server: every request is answered here, the pages and scripts are the real ones."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from playwright.sync_api import Page, Route

from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
ORIGIN = "https://addin.example.test"
BASE = "/api/client/v2/msexchange_schedulers/1"
STATIC = "/static/0123456789ab"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'none'; form-action 'self'; base-uri 'none'; object-src 'none'; require-trusted-types-for 'script'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}

INSTRUCTIONS = (
    '<br>\n<div style="font-size:11.0pt; color:#000000;">\n<b>Please join my Virtual Meeting Room:</b><br>\n<br>\n'
    'From a web browser:<br>\n<a href="https://vc.example.com/webapp/#/?conference={0}">'
    "https://vc.example.com/webapp/#/?conference={0}</a><br>\n<br>\nCall {0} &amp; wait<br>\n</div>"
)
TEXT = (
    "Please join my Virtual Meeting Room:\n\nFrom a web browser:\nhttps://vc.example.com/webapp/#/?conference={0}\n\n"
    "Call {0} & wait"
)


def vmr(number: int, **changes: Any) -> dict[str, Any]:
    """One entry of the list as the server sends it."""
    alias = f"room{number}@example.com"
    return {
        "id": number,
        "name": f"Room {number}",
        "description": f"The {number}. room",
        "location": f"https://vc.example.com/webapp/#/?conference={alias}",
        "instructions": INSTRUCTIONS.format(alias),
        "instructions_text": TEXT.format(alias),
        "alias": alias,
        "usable": True,
        "reason": "",
    } | changes


ROOM_MAILBOX = "rooms@example.com"
TOKEN_KIND = "EXCHANGE_USER_ID_TOKEN"


def tag(number: int, name: str = "PXPS") -> str:
    """The tag of a single-use VMR, or of a placeholder."""
    return f"{name}:-{'ABCDEFGH234567'[number] * (58 if name == 'PXPS' else 64)}#"


def room(number: int, **changes: Any) -> dict[str, Any]:
    """What meeting_details hands out."""
    alias = f"meet.{number}@example.com"
    return {
        "room_name": "Rooms",
        "room_email": ROOM_MAILBOX,
        "alias_id": tag(number),
        "instructions": INSTRUCTIONS.format(alias).removesuffix("</div>") + f"<br>\n{tag(number)}<br>\n</div>",
        "instructions_text": f"{TEXT.format(alias)}\n\n{tag(number)}",
        "location": f"https://vc.example.com/webapp/#/?conference={alias}",
        "alias": alias,
        "numeric_alias": str(number),
    } | changes


def promise(expires: str = "2999-01-01T00:00:00Z") -> dict[str, Any]:
    """What may be inserted while the server is away."""
    return {
        "instructions": f"<div>Joining instructions will be<br>sent to you soon.<br>{tag(9, 'TOK')}</div>",
        "instructions_text": f"Joining instructions will be\nsent to you soon.\n{tag(9, 'TOK')}",
        "tok": tag(9, "TOK"),
        "expires": expires,
        "room_name": "Rooms",
        "room_email": ROOM_MAILBOX,
    }


@dataclass
class Server:
    """The canned server: what it was asked, and what it answers next."""

    vmrs: list[dict[str, Any]] = field(default_factory=lambda: [vmr(1), vmr(2)])
    polling: Callable[[], tuple[int, Any]] = lambda: (202, {"status": "pending"})
    list_answers: list[tuple[int, Any]] = field(default_factory=list)
    renew_answers: list[tuple[int, Any]] = field(default_factory=list)
    token_answers: list[tuple[int, Any]] = field(default_factory=list)
    room_answers: list[tuple[int, Any]] = field(default_factory=list)
    knows: bool = True
    promised: dict[str, Any] | None = None
    rooms: int = 0
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    insertion_answer: int = 204
    expires_in: int = 600
    issued: int = 0

    def session(self) -> tuple[int, Any]:
        """A fresh bearer."""
        self.issued += 1
        user = {"name": "Kim Lee", "email": "kim@example.com"}
        given = {"user": user if self.knows else None, "personal": self.knows, "placeholder": self.promised}
        return 200, {"bearer": f"bearer-{self.issued}", "expires_in": self.expires_in} | given

    def meeting_details(self) -> tuple[int, Any]:
        """A room of its own for one meeting."""
        if self.room_answers:
            return self.room_answers.pop(0)
        self.rooms += 1
        return 200, {"status": "success", "result": room(self.rooms)}

    def answer(self, method: str, path: str, body: Any, bearer: str) -> tuple[int, Any]:
        """What the API says."""
        self.asked.append((method, path, body))
        if path == "/insertions":
            return self.insertion_answer, None
        if path == "/session":
            return self._session(body)
        if path == "/personal_vmrs" and self.list_answers:
            return self.list_answers.pop(0)
        if bearer != f"bearer-{self.issued}":
            return failure(401, "unauthenticated", "No.")
        return (200, self.vmrs) if path == "/personal_vmrs" else self.meeting_details()

    def _session(self, body: Any) -> tuple[int, Any]:
        if body.get("renew"):
            return self.renew_answers.pop(0) if self.renew_answers else self.session()
        if "token" in body:
            status, answer = self.token_answers.pop(0) if self.token_answers else self.session()
            return status, answer if status != 200 else answer | {"renewable": False}
        return self.session() if body.get("code") == "one-time-code" else self.polling()


def failure(status: int, code: str, message: str) -> tuple[int, Any]:
    """An answer of the error shape."""
    error = {"code": code, "message": message, "correlation_id": "c0ffee"}
    return status, {"status": "failed", "result": message, "error": error}


def render(template: str, values: Mapping[str, Any] | None = None, **config: Any) -> str:
    """A page with the context that the server gives it."""
    integration = Integration(1, 1, defaults() | dict(values or {}), ORIGIN)
    environment = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined)
    switches = {"personal": True, "singleUse": False, "enabled": True, "debug": False, "locale": "en"}
    ways = {"kinds": [], "dialog": True, "naa": None}
    return environment.get_template(template).render(
        integration=integration,
        label=lambda name: Markup(integration[name]),
        block=lambda name: Markup(integration[name]),
        plain=lambda name: Markup(integration[name]).striptags(),
        asset=lambda path: f"{STATIC}/{path}",
        office_js_url="/test/office.js",
        scripts=[],
        styles=[],
        config={"base": BASE, "origin": ORIGIN} | switches | ways | config,
        outcome=config.get("outcome"),
    )


class Stage:
    """A browser page whose every request is answered from here."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.server = Server()
        self.pages: dict[str, str] = {}
        self.complaints: list[str] = []
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        path = parts.path
        if f"{parts.scheme}://{parts.netloc}" != ORIGIN:
            route.abort()
        elif path in self.pages:
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=self.pages[path], content_type=TYPES[".html"], headers=headers)
        elif path.startswith(STATIC):
            self._file(route, ROOT / "static" / path.removeprefix(STATIC).lstrip("/"))
        elif path == "/test/office.js":
            self._file(route, HERE / "office.js")
        elif "/icon/" in path:
            route.fulfill(body=b"", content_type="image/png")
        else:
            self._api(route, path.removeprefix(BASE))

    def _file(self, route: Route, path: Path) -> None:
        route.fulfill(body=path.read_bytes(), content_type=TYPES[path.suffix])

    def _api(self, route: Route, path: str) -> None:
        request = route.request
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        status, data = self.server.answer(request.method, path, json.loads(request.post_data or "{}"), bearer)
        if status == 0:
            route.abort()
        else:
            route.fulfill(status=status, body=json.dumps(data), content_type="application/json")

    def open(
        self, host: Mapping[str, Any] | None = None, values: Mapping[str, Any] | None = None, **config: Any
    ) -> None:
        """Open the pane over an appointment."""
        self.pages[f"{BASE}/pane"] = render("addin/pane.html", values, **config)
        self.pages["/blank"] = "<!doctype html>"
        self.page.goto(f"{ORIGIN}/blank")
        self.page.evaluate("state => sessionStorage.setItem('host', JSON.stringify(state))", dict(host or {}))
        self.page.goto(f"{ORIGIN}{BASE}/pane")
        if not (host or {}).keys() & {"neverReady", "noItem", "tooOld"} and config.get("enabled", True):
            self.page.wait_for_selector("html[data-checked]")

    def host(self, name: str) -> Any:
        """Something of the appointment's state."""
        return self.page.evaluate("name => host[name]", name)

    def set_host(self, **state: Any) -> None:
        """Change the appointment's state."""
        self.page.evaluate("state => void Object.assign(host, state)", state)

    def press(self, name: str) -> None:
        """Press the button with this name."""
        self.page.get_by_role("button", name=name).first.click()

    def wait(self, screen: str) -> None:
        """Wait for a screen."""
        self.page.wait_for_selector(f'#screen[data-screen="{screen}"]')

    def until(self, condition: str, seconds: float = 5) -> None:
        """Wait for a condition of the page. (The page's policy forbids what wait_for_function does.)"""
        ends = monotonic() + seconds
        while not self.page.evaluate(condition):
            assert monotonic() < ends, f"{condition} did not come true"
            self.page.wait_for_timeout(50)

    def say_code(self, origin: str = ORIGIN, **changes: str) -> None:
        """Let the dialog hand over its code."""
        self.until("host.dialogs.length > 0")
        query = parse_qs(urlsplit(self.host("dialogs")[-1]["url"]).query)
        message = {"code": "one-time-code", "nonce": query["nonce"][0]} | changes
        self.page.evaluate("([text, origin]) => host.dialogMessage(text, origin)", [json.dumps(message), origin])

    def sign_in(self, button: str = "Sign In") -> None:
        """Press, sign in, and arrive at the list."""
        self.press(button)
        self.say_code()
        self.wait("list")

    def verifier_matches(self) -> bool:
        """Whether the hash in the dialog's address is that of the verifier that the server was given."""
        hashed = parse_qs(urlsplit(self.host("dialogs")[-1]["url"]).query)["hash"][0]
        verifier = next(body["verifier"] for _, path, body in self.server.asked if "verifier" in body)
        return hashed == urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
