"""Microsoft Graph and its token endpoint on 127.0.0.1. What happens to mailboxes is kept in a MemoryExchange.

Every request is validated against Graph's metadata, where that is found; `violations` are what was not allowed.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from addin_host.domain.calendar import Meeting
from addin_host.domain.recurrence import occurrences
from addin_host.gateways.memory_mailbox import MemoryExchange
from tests.gateways.graph import csdl, documents
from tests.gateways.graph.documents import Json, item_of, known_as
from tests.gateways.peers.faulty import Faults, Kind
from tests.gateways.peers.server import LocalServer, Request, answer, read_request

ROOM = "room@contoso.example"
CLIENT, SECRET = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0", "client-secret"
TOKEN_PATH = "/tenant/oauth2/v2.0/token"
Answer = tuple[int, Json | None]
GONE: Answer = (404, {"error": {"code": "ErrorItemNotFound", "message": "The specified object was not found."}})
NO_USER: Answer = (404, {"error": {"code": "ErrorInvalidUser", "message": "The requested user is invalid."}})
DENIED: Answer = (403, {"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}})
_ROUTES: tuple[tuple[str, str, str], ...] = (
    ("delta", "GET", r"mailFolders/inbox/messages/delta"),
    ("message", "GET", r"messages/(?P<key>[^/]+)"),
    ("instances", "GET", r"events/(?P<key>[^/]+)/instances"),
    ("event", "GET", r"events/(?P<key>[^/]+)"),
    ("events", "GET", r"events"),
    ("accept", "POST", r"events/(?P<key>[^/]+)/accept"),
    ("decline", "POST", r"events/(?P<key>[^/]+)/decline"),
    ("sendMail", "POST", r"sendMail"),
    ("sentitems", "GET", r"mailFolders/sentitems/messages"),
    ("rewrite", "PATCH", r"events/(?P<key>[^/]+)"),
    ("move", "POST", r"messages/(?P<key>[^/]+)/move"),
    ("inbox", "GET", r"mailFolders/inbox"),
    ("mark", "PATCH", r"mailFolders/inbox"),
    ("calendar", "GET", r"calendar"),
)


class GraphServer(LocalServer):
    """One mailbox, ROOM, and the calendars of the organizers who invite it. Pages hold `page` items."""

    page = 5

    def __init__(self) -> None:
        self.faults = Faults(seconds=0.6, huge=33 * 1024 * 1024)
        super().__init__(self.faults.behaviour(self.respond, self.operation_of))
        self.reset()

    def reset(self) -> None:
        """Begin with an empty mailbox."""
        self.exchange = MemoryExchange(lambda: datetime.now(UTC))
        self.mailbox = self.exchange.mailbox(ROOM)
        self.tokens: set[str] = set()
        self.violations: list[str] = []
        self.operations: list[str] = []
        self.spoilt: set[str] = set()
        self.sent: list[tuple[Json, datetime]] = []
        self.responses: list[tuple[str, str]] = []
        self.mark: dict[str, str] = {}
        self.refusal: Answer | None = None
        self.refusals: dict[str, Answer] = {}
        self.denies_organizers = False
        self.knows_casts = True
        self.bend: Callable[[str, Json], Json] = lambda _operation, document: document
        self.faults.clear()
        self.requests.clear()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"{self.origin}/v1.0"

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError):
            connection.settimeout(20)
            while True:
                request, played = read_request(connection), len(self.faults.played)
                self.requests.append(request)
                self.behave(request, connection)
                if len(self.faults.played) != played:
                    break
        connection.close()

    def operation_of(self, request: Request) -> str:
        """Return the name that faults are planned by."""
        if request.path == TOKEN_PATH:
            return "token"
        path = request.path.removeprefix("/v1.0")
        return "batch" if path == "/$batch" else self._route(request.method, _slashed(path))[0]

    def _route(self, method: str, path: str) -> tuple[str, str, str]:
        """Return operation, mailbox and key."""
        user, _, rest = path.removeprefix("/users/").partition("/")
        for operation, wanted, pattern in _ROUTES:
            found = re.fullmatch(pattern, rest)
            if found and wanted == method:
                return operation, unquote(user), unquote(found.groupdict().get("key", ""))
        return "unknown", unquote(user), ""

    def respond(self, request: Request, connection: socket.socket) -> None:
        """Answer one request."""
        status, document = self._token(request) if request.path == TOKEN_PATH else self._graph(request)
        body = b"" if document is None else json.dumps(document).encode()
        answer(connection, body, status=status, headers=("Content-Type: application/json",))

    def _token(self, request: Request) -> Answer:
        form = request.form
        if form.get("client_id") != CLIENT or form.get("client_secret") != SECRET:
            said = "AADSTS7000215: Invalid client secret provided."
            return 401, {"error": "invalid_client", "error_description": said}
        if form.get("grant_type") != "client_credentials" or form.get("scope") != f"{self.origin}/.default":
            return 400, {"error": "invalid_scope", "error_description": "AADSTS70011: The provided scope is not valid."}
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}

    def _graph(self, request: Request) -> Answer:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return 401, {"error": {"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed."}}
        target = request.target.removeprefix("/v1.0")
        body = json.loads(request.body) if request.body else None
        if target != "/$batch":
            return self._one(request.method, target, request.headers.get("prefer", ""), body)
        answers = []
        for one in body["requests"][: 0 if len(body["requests"]) > 4 else None]:
            prefer = one["headers"]["Prefer"]
            status, document = self._one(one["method"], one["url"], prefer, one.get("body"))
            headers = {"Retry-After": "7"} if status in (429, 503) else {}
            answers.append({"id": one["id"], "status": status, "headers": headers, "body": document})
        if self.faults.take("batch", Kind.PARTIAL_BATCH):
            answers = [{**one, "status": 500, "body": {}} for one in answers[:1]] + answers[2:]
        return 200, {"responses": answers[::-1]}

    def _one(self, method: str, target: str, prefer: str, body: Any) -> Answer:
        target = _slashed(target)
        if 'IdType="ImmutableId"' not in prefer:
            self.violations.append(f"{method} {target}: ids that move")
        schema = csdl.schema()
        if schema is not None:
            try:
                schema.check(method, target, body)
            except csdl.Violation as violation:
                self.violations.append(f"{method} {unquote(target)}: {violation}")
                return 400, {"error": {"code": "BadRequest", "message": str(violation)}}
        if self.refusal is not None:
            return self.refusal
        parts = urlsplit(target)
        operation, user, key = self._route(method, parts.path)
        self.operations.append(operation)
        if operation in self.refusals:
            return self.refusals[operation]
        is_organizer = user != ROOM
        if is_organizer and self.denies_organizers:
            return DENIED
        known = {meeting.organizer.address for meeting, _ in self._box.calendar.values()}
        if is_organizer and user not in known:
            return (200, {"value": []}) if operation == "events" else NO_USER
        status, document = getattr(self, f"do_{operation}")(key, dict(parse_qsl(parts.query)), body)
        return status, None if document is None else self.bend(operation, document)

    @property
    def _box(self) -> Any:
        return self.exchange._boxes[ROOM]

    def do_unknown(self, _key: str, _query: Json, _body: Any) -> Answer:
        return 400, {"error": {"code": "BadRequest", "message": "Resource not found for the segment."}}

    def do_delta(self, _key: str, query: Json, _body: Any) -> Answer:
        if not self.knows_casts and "microsoft.graph." in query.get("$select", ""):
            return 400, {"error": {"code": "RequestBroker--ParseUri", "message": "Could not find a property."}}
        token = query.get("$skiptoken") or query.get("$deltatoken") or f"{self._box.epoch}.0"
        epoch, _, position = token.partition(".")
        if epoch != str(self._box.epoch):
            return 410, {"error": {"code": "syncStateNotFound", "message": "The sync state was not found."}}
        start, log = int(position), self._box.log
        items = [self._listed(one) for one in log[start : start + self.page]]
        end = start + len(items)
        where = f"{self.endpoint}/users('{ROOM.replace('@', '%40')}')/mailFolders('inbox')/messages/delta"
        link, name = ("@odata.nextLink", "skip") if end < len(log) else ("@odata.deltaLink", "delta")
        return 200, {"value": items, link: f"{where}?${name}token={epoch}.{end}"}

    def _listed(self, arrival: Any) -> Json:
        found = self._box.messages.get(arrival.item_id)
        if found is None:
            return {"id": known_as(arrival.item_id), "@removed": {"reason": "deleted"}}
        return documents.listed(found.notice, arrival.change_key, arrival.starts_at)

    def do_message(self, key: str, query: Json, _body: Any) -> Answer:
        if item_of(key) in self.spoilt:
            return 500, {"error": {"code": "ErrorInternalServerError", "message": "An internal server error."}}
        found = self._box.messages.get(item_of(key))
        if found is None:
            return GONE
        link = self._link(found.notice)
        return 200, documents.message(found.notice, found.meeting, link, query.get("$expand", ""))

    def _link(self, notice: Any) -> Json | None:
        meeting, changed = self._box.calendar.get(notice.uid, (None, None))
        if meeting is None or notice.occurrence is None:
            return documents.event(meeting, changed, "") if meeting else None
        held = [one for one in self._occurrences(meeting) if one.original == notice.occurrence]
        return documents.part(meeting, held[0]) if held else None

    def _occurrences(self, meeting: Meeting, since: str = "2020", until: str = "2035") -> Any:
        ends = [datetime.fromisoformat(f"{at}-01-01T00:00:00+00:00" if len(at) == 4 else at) for at in (since, until)]
        return occurrences(meeting.series, *ends) if meeting.series else ()

    def _kept(self, key: str) -> tuple[Meeting, datetime] | None:
        kept: tuple[Meeting, datetime] | None = self._box.calendar.get(item_of(key).removeprefix("calendar:"))
        return kept

    def do_event(self, key: str, query: Json, _body: Any) -> Answer:
        kept = self._kept(key)
        return (200, documents.event(*kept, query.get("$expand", ""))) if kept else GONE

    def do_instances(self, key: str, query: Json, _body: Any) -> Answer:
        kept = self._kept(key)
        if kept is None:
            return GONE
        since, until = query["startDateTime"], query["endDateTime"]
        found = [documents.part(kept[0], one) for one in self._occurrences(kept[0], since, until)]
        return 200, self._paged(f"/users/{ROOM}/events/{key}/instances", query, found)

    def do_events(self, _key: str, query: Json, _body: Any) -> Answer:
        found = [
            documents.event(meeting, changed, query.get("$expand", ""))
            for meeting, changed in sorted(self._box.calendar.values(), key=lambda one: one[0].uid)
            if _matches(meeting, query.get("$filter", ""))
        ]
        return 200, self._paged(f"/users/{ROOM}/events", query, found)

    def _paged(self, path: str, query: Json, found: list[Json]) -> Json:
        start = int(query.get("$skip", 0))
        page: Json = {"value": found[start : start + self.page]}
        if start + self.page < len(found):
            asked = "&".join(f"{name}={value}" for name, value in query.items() if name != "$skip")
            page["@odata.nextLink"] = f"{self.endpoint}{path}?{asked}&$skip={start + self.page}"
        return page

    def do_accept(self, key: str, _query: Json, _body: Any) -> Answer:
        return self._responded(key, "accept")

    def do_decline(self, key: str, _query: Json, _body: Any) -> Answer:
        return self._responded(key, "decline")

    def _responded(self, key: str, action: str) -> Answer:
        kept = self._kept(key)
        if kept is None:
            return GONE
        if kept[0].is_cancelled:
            return 400, {"error": {"code": "ErrorCalendarIsCancelledForAccept", "message": "Cancelled."}}
        self.responses.append((action, key))
        return 202, None

    def do_sendMail(self, _key: str, _query: Json, body: Any) -> Answer:  # noqa: N802 - as Graph writes it
        if body["saveToSentItems"]:
            self.sent.append((body["message"], datetime.now(UTC)))
        return 202, None

    def do_sentitems(self, _key: str, query: Json, _body: Any) -> Answer:
        found = [
            {"id": f"sent-{number}", "sentDateTime": documents.instant(at)}
            for number, (message, at) in enumerate(self.sent)
            for one in message.get("singleValueExtendedProperties", [])
            if f"'{one['value']}'" in query["$filter"] and f"'{one['id']}'" in query["$filter"]
        ]
        return 200, {"value": found}

    def do_rewrite(self, key: str, _query: Json, body: Any) -> Answer:
        kept = self._kept(key)
        if kept is None:
            return GONE
        changed = replace(kept[0], body=body["body"]["content"], body_is_html=body["body"]["contentType"] == "html")
        self._box.calendar[changed.uid] = (changed, datetime.now(UTC))
        return 200, {"id": key}

    def do_move(self, key: str, _query: Json, body: Any) -> Answer:
        if body["destinationId"] != "deleteditems" or item_of(key) not in self._box.messages:
            return GONE
        self.exchange.delete(ROOM, item_of(key))
        return 201, {"id": key}

    def do_inbox(self, _key: str, query: Json, _body: Any) -> Answer:
        return 200, {"id": "AAinbox", **documents.extended(self.mark, query.get("$expand", ""))}

    def do_mark(self, _key: str, _query: Json, body: Any) -> Answer:
        self.mark |= {one["id"].lower(): one["value"] for one in body["singleValueExtendedProperties"]}
        return 200, {"id": "AAinbox"}

    def do_calendar(self, _key: str, _query: Json, _body: Any) -> Answer:
        return 200, {"id": "AAcalendar"}


def _slashed(target: str) -> str:
    """Write keys as segments: Graph takes and gives both ways."""
    path, question, query = target.partition("?")
    return re.sub(r"\('([^'/]*)'\)", r"/\1", path) + question + query


def _matches(meeting: Meeting, condition: str) -> bool:
    """Whether an event is what $filter asks for, in those forms that are asked."""
    checks: dict[str, Callable[[str], bool]] = {
        r"iCalUId eq '([^']*)'": lambda uid: meeting.uid == uid,
        r"ep/value eq '([^']*)'": lambda value: documents.goid_value(meeting.uid) == value,
        r"type eq '([^']*)'": lambda kind: (kind == "seriesMaster") == (meeting.series is not None),
        r"start/dateTime lt '([^']*)'": lambda until: meeting.start < datetime.fromisoformat(until),
        r"end/dateTime ge '([^']*)'": lambda since: meeting.end >= datetime.fromisoformat(since),
    }
    return all(check(found) for pattern, check in checks.items() for found in re.findall(pattern, condition))
