"""Calls to Microsoft Graph: signed in, within the allowance of the mailbox and the time of the operation.

Every failure is a MailboxTrouble. An answer's links are followed only below the endpoint that the integration names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session

from addin_host.domain.errors import HostError
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.gateways.graph import faults
from addin_host.gateways.graph.gate import IN_FLIGHT, Gate
from addin_host.gateways.graph.tokens import Tokens
from addin_host.gateways.kept import Budget

IMMUTABLE = 'IdType="ImmutableId"'
BATCH = 4  # Graph runs so many of a batch at once
LONGEST_URL = 2000
_UNSTORABLE = re.compile(rb"\\u(?:0000|d[89a-f])", re.IGNORECASE)  # as JSON writes them; whole pairs as well
_HALVES = re.compile("[\x00\ud800-\udfff]")
_PLAIN = "$,/():='"  # what a query option shows as it is
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a batch. `path` begins with a slash, below the endpoint."""

    path: str
    prefer: str = ""
    key: str = field(default="", compare=False)


class GraphClient:
    """Speaks to one endpoint for one mailbox; for one thread at a time."""

    def __init__(self, session: OAuth2Session, endpoint: str, tokens: Tokens, gate: Gate, budget: Budget) -> None:
        self._session, self._tokens, self._gate, self._budget = session, tokens, gate, budget
        self.endpoint = endpoint.rstrip("/")
        self._base = urlsplit(self.endpoint).path

    def begin(self) -> None:
        """Begin an operation: all of its calls share the time from now on."""
        self._budget.renew()

    def get(self, path: str, *, prefer: str = "") -> Json:
        """Return a document of the mailbox itself by its path below the endpoint. Raises MailboxTrouble."""
        if len(self.endpoint + path) > LONGEST_URL:  # a link with a long position in it
            (answer,) = self.batch([Ask(path, prefer)])
            if isinstance(answer, MailboxTrouble):
                raise answer
            return answer
        return self._call("GET", path, prefer=prefer)

    def post(self, path: str, body: Json, *, is_item: bool = False) -> Json:
        """Do something. Raises MailboxTrouble; ITEM_GONE only where it is done to an item."""
        return self._call("POST", path, body, is_item=is_item)

    def patch(self, path: str, body: Json, *, is_item: bool = False) -> Json:
        """Change something. Raises MailboxTrouble; ITEM_GONE only where it is an item."""
        return self._call("PATCH", path, body, is_item=is_item)

    def batch(self, asks: Sequence[Ask]) -> list[Json | MailboxTrouble]:
        """Fetch several documents. What is wrong with one stands in its place, what concerns the mailbox is raised."""
        found: list[Json | MailboxTrouble] = []
        for first in range(0, len(asks), BATCH):
            found += self._batched(asks[first : first + BATCH])
        return found

    def below(self, link: str) -> str:
        """Return the path of a link in an answer. Raises MailboxTrouble when it leads away from the endpoint."""
        if not link.startswith(self.endpoint + "/"):
            raise faults.trouble(Fault.UNUSABLE, detail="a link to another address")
        return link[len(self.endpoint) :]

    def _batched(self, asks: Sequence[Ask]) -> list[Json | MailboxTrouble]:
        wanted = [
            {
                "id": str(number),
                "method": "GET",
                "url": ask.path,
                "headers": {"Prefer": ", ".join(filter(None, (IMMUTABLE, ask.prefer)))},
            }
            for number, ask in enumerate(asks)
        ]
        answer = self._call("POST", "/$batch", {"requests": wanted}, size=len(asks))
        with understood():
            answers = {str(one["id"]): one for one in answer["responses"]}
            return [self._one_of_batch(answers.get(str(number))) for number in range(len(asks))]

    def _one_of_batch(self, answer: Json | None) -> Json | MailboxTrouble:
        if answer is None:
            return faults.trouble(Fault.UNUSABLE, detail="a part of the answer is missing")
        status, body = int(answer["status"]), answer.get("body")
        if 200 <= status < 300 and isinstance(body, Mapping):
            return body
        trouble = faults.of_answer(status, answer.get("headers") or {}, body)
        if trouble.fault in (Fault.BUSY, Fault.AUTHENTICATION, Fault.MAILBOX_UNKNOWN, Fault.DENIED):
            raise trouble
        if trouble.fault is Fault.UNREACHABLE:  # the others were answered: this item is the one that Graph cannot read
            return faults.trouble(Fault.UNUSABLE, detail=f"HTTP {status}")
        return trouble

    def _call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        prefer: str = "",
        size: int = 1,
        is_item: bool = False,
    ) -> Json:
        with self._gate.passing(size, seats=min(size, IN_FLIGHT)):
            answer = self._once(method, path, body, prefer, self._tokens.get())
            if answer.status_code == 401:
                answer = self._once(method, path, body, prefer, self._tokens.get(fresh=True))
        document = _document(answer)
        if not 200 <= answer.status_code < 300:
            refusal = faults.of_answer(answer.status_code, answer.headers, document)
            raise refusal if is_item else faults.of_mailbox(refusal)
        if answer.status_code in (202, 204):
            return {}
        if not isinstance(document, Mapping):
            raise faults.trouble(Fault.UNUSABLE)
        return document

    def _once(self, method: str, path: str, body: Json | None, prefer: str, token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        headers["Prefer"] = ", ".join(filter(None, (IMMUTABLE, prefer)))
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        with in_trouble():
            answer: requests.Response = self._session.request(
                method, self.endpoint + path, data=data, headers=headers, withhold_token=True
            )
            return answer


@contextmanager
def in_trouble() -> Iterator[None]:
    """Turn failures of a call into MailboxTrouble."""
    try:
        yield
    except HostError as error:
        raise faults.of_failure(error) from error
    except requests.RequestException as error:
        raise faults.trouble(Fault.UNREACHABLE) from error


@contextmanager
def understood() -> Iterator[None]:
    """Turn what is missing or misshapen in an answer into MailboxTrouble (UNUSABLE)."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise faults.trouble(Fault.UNUSABLE) from error


def path(*parts: str, **options: str | int | None) -> str:
    """Return a path below the endpoint; options are query options without their dollar sign, None is left out.

    A part may hold slashes only where it is written into the program: everything is quoted but the folder's name.
    """
    where = "/".join(quote(part, safe="", errors="replace") for part in parts)  # an id may hold half a character
    asked = {
        name if name in ("startDateTime", "endDateTime") else f"${name}": str(value)
        for name, value in options.items()
        if value is not None
    }
    return f"/{where}" + ("?" + urlencode(asked, quote_via=quote, safe=_PLAIN) if asked else "")


def _document(answer: requests.Response) -> Any:
    try:
        found = json.loads(answer.content) if answer.content else None
        return _storable(found) if _UNSTORABLE.search(answer.content) else found
    except (ValueError, RecursionError):
        return None


def _storable(found: Any) -> Any:
    """Return a document without halves of characters and without NUL, which mails may hold and no database takes."""
    if isinstance(found, str):
        return _HALVES.sub("", found)
    if isinstance(found, list):
        return [_storable(one) for one in found]
    return {name: _storable(one) for name, one in found.items()} if isinstance(found, dict) else found
