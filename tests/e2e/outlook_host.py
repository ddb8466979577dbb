"""Outlook on the web, played (outlook/host.js), as a test drives it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from playwright.sync_api import Frame, FrameLocator, Page

SECONDS = 10.0


class Dispatch:
    """Ids of the calls that an appointment needs (design/outlook.md 3.4)."""

    TOKEN = 2
    PROPERTIES_LOAD, PROPERTIES_SAVE = 3, 4
    SET_SELECTED = 13
    BODY_TYPE = 14
    RECIPIENTS_GET, RECIPIENTS_SET, RECIPIENTS_ADD = 15, 21, 22
    SUBJECT_SET, SUBJECT_GET = 17, 18
    BODY_PREPEND, BODY_GET, BODY_SET = 23, 37, 38
    LOCATION_GET, LOCATION_SET = 26, 27
    SAVE, ITEM_ID = 32, 164
    TIME_GET = 24
    NOTICE_ADD, NOTICE_REPLACE = 33, 35
    COMMAND_COMPLETED = 94
    ACCESS_TOKEN = 98
    RECURRENCE = 103
    ORGANIZER, SHARED = 107, 108


class OutlookHost:
    """A compose window with one task pane. `page` shows the host; call `open` first."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin

    def open(self, pane: str, **options: Any) -> None:
        """Open a new appointment and the add-in at address `pane` beside it.

        Options: `appointment` (location, subject, body {type, content, rewriting}, required, optional, user, organizer,
        sharedProperties, recurrence, seriesId, itemId, customProperties, identityToken, accessToken …), `initialData`,
        `requirements`, `locale`, `width`, `appDomains`, `addinName`, `telemetry` (Microsoft's, sent by office.js),
        `failures` ({dispatch: code} from the beginning).
        """
        self.page.goto(f"{self.origin}/host.html")
        self.page.evaluate("([url, options]) => window.outlook.open(url, options)", [pane, options])

    @property
    def pane(self) -> FrameLocator:
        """The pane, for finding what stands in it."""
        return self.page.frame_locator("iframe")

    @property
    def frame(self) -> Frame:
        """The pane, for evaluating scripts in it."""
        handle = self.page.wait_for_selector("iframe")
        frame = handle.content_frame() if handle else None
        if frame is None:
            raise AssertionError("there is no pane")
        return frame

    def state(self) -> dict[str, Any]:
        """Return the appointment: location, body, bodyText, bodyType, required, optional, customProperties …"""
        return dict(self.page.evaluate("window.outlook.appointment.snapshot()"))

    @property
    def location(self) -> str:
        """The text in the Location box."""
        return str(self.state()["location"])

    @property
    def body(self) -> str:
        """The content of the body as it is kept: HTML or plain text."""
        return str(self.state()["body"])

    @property
    def body_text(self) -> str:
        """The body as a person reads it."""
        return str(self.state()["bodyText"])

    def edit(self, **changes: Any) -> None:
        """Change the appointment as its author would, past the add-in. `body` is the new content."""
        self.page.evaluate(
            """(changes) => {
                 const { body, location, ...rest } = changes;
                 const { appointment } = window.outlook;
                 if (body !== undefined) appointment.body.content = body;
                 if (location !== undefined) appointment.place(location);
                 Object.assign(appointment, rest);
               }""",
            changes,
        )

    def next(self, **appointment: Any) -> None:
        """Put another appointment in the place of this one; the add-in stays loaded."""
        self.page.evaluate("(appointment) => window.outlook.next(appointment)", appointment)

    def calls(self, dispatch: int | None = None) -> list[dict[str, Any]]:
        """Return what the add-in asked of the host, in order; only one dispatch id when given."""
        calls: list[dict[str, Any]] = self.page.evaluate("window.outlook.calls")
        return [call for call in calls if dispatch is None or call["dispatch"] == dispatch]

    def unknown_calls(self) -> list[dict[str, Any]]:
        """Return the calls that this host does not know."""
        return [call for call in self.calls() if call["outcome"] == "unknown"]

    def fail(self, dispatch: int, code: int, *, times: int | None = None) -> None:
        """Let a call fail with `code`: the next `times` times, or for good."""
        self.page.evaluate(
            "([id, code, times]) => window.outlook.fail(id, code, times ?? Infinity)", [dispatch, code, times]
        )

    def withhold(self, *dispatches: int) -> None:
        """Never answer these calls."""
        self.page.evaluate("(ids) => ids.forEach((id) => window.outlook.withheld.add(id))", list(dispatches))

    def well_again(self) -> None:
        """End all failures and silence."""
        self.page.evaluate("() => { window.outlook.failures.clear(); window.outlook.withheld.clear(); }")

    def command(self, name: str, control: str = "button") -> None:
        """Press a ribbon button that runs the add-in's function `name`."""
        self._run(name, control, {"source": {"id": control}})

    def send(self, function: str = "checkOnSend") -> dict[str, Any]:
        """Press Send; return what the add-in's `function` answered: allowEvent, errorMessage …

        Outlook on the web runs event handlers in the page of the commands and calls them as it calls commands.
        """
        self._run(function, "send", {"type": "olkAppointmentSendEvent"})
        told = json.loads(self.command_done()["params"]["2"])
        return dict(told.get("completedContext") or {})

    def _run(self, name: str, control: str, event: dict[str, Any]) -> None:
        self.until(lambda: self.page.evaluate("window.outlook.registered.has(39)"), "the add-in asks for commands")
        self.page.evaluate("(call) => window.outlook.command(...call)", [name, control, event])

    def command_done(self) -> dict[str, Any]:
        """Wait for the command to be reported as completed and return that call."""
        return dict(self.until(lambda: self.page.evaluate("window.outlook.commandDone()"), "the command is completed"))

    def allow_dialog(self, *, press: Iterable[Callable[[], object]] = (), allow: str = "Allow") -> Page:
        """Press what opens a dialog, then Allow in the prompt that office.js draws; return the dialog's window."""
        for action in press:
            action()
        with self.page.context.expect_page() as opened:
            self.pane.get_by_role("button", name=allow, exact=True).click()
        return opened.value

    def ignore_dialog(self, *, ignore: str = "Ignore") -> None:
        """Press Ignore in the prompt that office.js draws."""
        self.pane.get_by_role("button", name=ignore, exact=True).click()

    def until(self, ask: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Ask until the answer is true, and return it. The browser goes on meanwhile."""
        deadline = time.monotonic() + seconds
        while not (answer := ask()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s in vain: {what}")
            self.page.wait_for_timeout(30)
        return answer
