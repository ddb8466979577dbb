"""Calls to a management API: lists page by page, objects, and what its answers mean (design/rest.md sections 1 to 3).

The calls of one operation share one deadline, so that it ends in time however many they are.
"""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.gateways.http import Outbound, PolicyAdapter, Route, busy

Record = Mapping[str, Any]

SECONDS = 30.0
PAGE = 500
_CONFIGURATION = "/api/admin/configuration/v1/"
_MAX_BYTES = 16 * 1024 * 1024
_PER_MINUTE = 1000  # what the product allows (design/rest.md section 1)
_MAX_WORDS = 300
_FEW = 100


class Rejected(Exception):
    """The API does not take what was sent: 400 or 409, with its own words, and the names of the fields at fault."""

    def __init__(self, words: str, fields: frozenset[str] = frozenset()) -> None:
        super().__init__(words)
        self.words, self.fields = words, fields


class Pace:
    """Keeps a process below the API's limit of requests a minute. Safe to share between threads."""

    def __init__(self, per_minute: int = _PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._made: deque[float] = deque()
        self._lock = Lock()

    def take(self) -> None:
        """Count one request. Raises Upstream, with the time to wait, when the minute has had its number."""
        now = self._clock()
        with self._lock:
            while self._made and self._made[0] <= now - 60:
                self._made.popleft()
            if len(self._made) >= self._per_minute:
                wait = int(self._made[0] + 60 - now) + 1
                raise Upstream("The conference platform takes no more requests in this minute.", retry_after=wait)
            self._made.append(now)


@dataclass(frozen=True, slots=True)
class Api:
    """A management API and the credentials of its user. Safe to share between threads."""

    outbound: Outbound
    route: Route
    root: str
    authorization: str = field(repr=False)
    pace: Pace = field(default_factory=Pace)

    @contextmanager
    def operation(self) -> Iterator[Calls]:
        """Give the calls of one operation, which has 30 seconds altogether."""
        adapter = _WithinDeadline(self.outbound, self.route, _MAX_BYTES)
        with self.outbound.mount(requests.Session(), self.route, adapter=adapter) as session:
            yield Calls(self, session)

    def listed(self, resource: str, **filters: str) -> Iterator[Record]:
        """Yield all objects of a list. Raises Upstream when it changes meanwhile, since one might be left out."""
        seen: set[Any] = set()
        offset, total = 0, None
        while total is None or offset < total:
            with self.operation() as calls:
                objects, number = calls.page(resource, {**filters, "limit": str(PAGE), "offset": str(offset)})
            if total not in (None, number) or (not objects and offset < number):
                raise Upstream("The conference platform changed the list while it was read. Try again later.")
            offset, total = offset + len(objects), number
            yield from (one for one in objects if one["id"] not in seen)
            seen.update(one["id"] for one in objects)
        if total != len(seen):
            raise Upstream("The conference platform changed the list while it was read. Try again later.")


class _WithinDeadline(PolicyAdapter):
    def __init__(self, outbound: Outbound, route: Route, max_bytes: int) -> None:
        super().__init__(outbound, route, max_bytes)
        self._until = time.monotonic() + min(SECONDS, outbound.deadline_seconds)

    def seconds(self) -> float:
        """Return what is left of the operation's time."""
        return max(0.05, self._until - time.monotonic())


def basic(username: str, password: str) -> str:
    """Return the Authorization header of a user."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one operation. They raise Upstream, Misconfigured, and Rejected where something is written."""

    api: Api
    session: requests.Session

    def page(self, resource: str, query: Mapping[str, str]) -> tuple[list[Record], int]:
        """Return a page of a list, and how many objects the list has."""
        answer = self._send("GET", f"{_CONFIGURATION}{resource}/", params=query)
        if answer.status_code == 404:
            raise Misconfigured(f"There is no management API at {self._host}. Check its address in the settings.")
        document = _document(answer)
        try:
            objects, total = document["objects"], document["meta"]["total_count"]
            if not all(isinstance(one, dict) and _is_object(one) for one in objects):
                raise TypeError
            return list(objects), int(total)
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise Upstream(f"{self._host} answered with something else than a list.") from problem

    def found(self, resource: str, **query: str) -> list[Record]:
        """Return the first objects that a query finds."""
        return self.page(resource, {**query, "limit": str(_FEW)})[0]

    def create(self, resource: str, body: Mapping[str, Any]) -> None:
        """Make an object."""
        if self._written(self._send("POST", f"{_CONFIGURATION}{resource}/", body=body)) == 404:
            raise Upstream(f"{self._host} has nowhere to put the object at this moment. Try again later.")

    def change(self, found: Record, body: Mapping[str, Any]) -> None:
        """Change an object; one that is gone meanwhile is to be tried again."""
        if self._written(self._send("PATCH", self._path(found), body=body)) == 404:
            raise Upstream("The conference platform lost the object at this moment. Try again later.")

    def delete(self, found: Record) -> None:
        """Delete an object; one that is gone is fine."""
        self._written(self._send("DELETE", self._path(found)))

    @property
    def _host(self) -> str:
        return urlsplit(self.api.root).netloc

    def _path(self, found: Record) -> str:
        uri = str(found.get("resource_uri") or "")
        if not uri.startswith(_CONFIGURATION):
            raise Upstream(f"{self._host} answered with an object that has no address of its own.")
        return uri

    def _send(self, method: str, path: str, *, body: Any = None, params: Any = None) -> requests.Response:
        self.api.pace.take()
        headers = {"Authorization": self.api.authorization, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode("ascii")
        answer = self.session.request(
            method, urljoin(self.api.root, path), params=params, data=data, headers=headers, allow_redirects=False
        )
        if answer.status_code >= 500 or answer.status_code == 429:
            raise busy(answer, self._host)
        if answer.status_code == 401:
            raise Misconfigured(f"{self._host} refuses the user name or the password. Enter them anew in the settings.")
        if answer.status_code == 403:
            raise Misconfigured(f"The user at {self._host} may not do this. Give it the right to change conferences.")
        return answer

    def _written(self, answer: requests.Response) -> int:
        if answer.status_code in (400, 409):
            raise _rejected(answer)
        if answer.status_code != 404 and not 200 <= answer.status_code < 300:
            raise Upstream(f"{self._host} answered {answer.status_code}, which was not expected.")
        if answer.status_code != 404 and answer.content.strip():
            _read(answer)  # what is no JSON comes from something that stands between, and nothing was done
        return answer.status_code


def _is_object(one: Record) -> bool:
    return isinstance(one.get("id"), int | str) and isinstance(one.get("resource_uri"), str)


def _document(answer: requests.Response) -> Any:
    if answer.status_code != 200:
        raise Upstream(f"The conference platform answered {answer.status_code}, which was not expected.")
    return _read(answer)


def _read(answer: requests.Response) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as problem:
        raise Upstream("The conference platform's answer is not the expected JSON document.") from problem


def _rejected(answer: requests.Response) -> Rejected:
    try:
        document = json.loads(answer.content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Rejected("")
    words = document.get("error")
    faults = [found for found in document.values() if isinstance(found, dict)]
    fields = frozenset(str(name) for found in faults for name in found)
    return Rejected(words[:_MAX_WORDS] if isinstance(words, str) else "", fields)
