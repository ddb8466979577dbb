"""Whole answers, kept in front of Flask: pane, commands page, icon and manifest are the same bytes for everybody.

The version of the integration is still read at every request, so a save is seen at once. Only what an answer costs to
build again is saved: routing, sessions, headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from addin_host.domain.errors import HostError
from addin_host.domain.integration import Integration
from addin_host.domain.redaction import new_correlation_id
from addin_host.flows.catalogue import Catalogue
from addin_host.web.metrics import STARTED
from addin_host.web.request_counts import RequestCounts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"/api/client/v2/msexchange_schedulers/([^/]+)/(?:pane|commands|manifest\.xml|(icon)/\d+\.png)")
_NOT_KEPT = frozenset({"x-correlation-id", "content-length"})
_MAX_ANSWERS = 2_000
_MAX_BODY = 32 * 1024

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of status 200, and the version of the integration it was made from."""

    integration: Integration
    kind: str
    headers: tuple[tuple[str, str], ...]
    etag: str
    body: bytes


class KeptAnswers:
    """A WSGI application that answers from memory what it can, and asks the one behind it for the rest."""

    def __init__(self, behind: WSGIApplication, catalogue: Catalogue, counts: RequestCounts) -> None:
        self._behind = behind
        self._catalogue = catalogue
        self._counts = counts
        self._kept: dict[Key, _Answer] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        environ[STARTED] = started = perf_counter()
        place = _PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "GET" else None
        if place is None:
            return self._behind(environ, start_response)
        stored = self._stored(place[1])
        if stored is None:
            return self._behind(environ, start_response)
        # The host passed the guard when the answer was made; only an icon depends on its query.
        key = (environ.get("HTTP_HOST", ""), place[0], environ.get("QUERY_STRING", "") if place[2] else "")
        kept = self._kept.get(key)
        if kept is not None and kept.integration is stored:
            status, body = _again(kept, environ, start_response)
            self._counts.add(kept.kind, status, perf_counter() - started)
            return body
        return self._ask(key, stored, environ, start_response)

    def _stored(self, reference: str) -> Integration | None:
        try:
            return self._catalogue.get(reference)
        except HostError:
            return None  # the application behind says why, in its own form

    def _ask(
        self, key: Key, stored: Integration, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Pass the request on, and keep the answer under the version that was stored before it was made."""
        seen: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.append((status, headers))
            return start_response(status, headers, exc_info)

        chunks = self._behind(environ, start)
        status, headers = seen[-1]
        named = {name.lower(): value for name, value in headers}
        if not status.startswith("200 ") or "etag" not in named or "set-cookie" in named:
            return chunks
        body = b"".join(chunks)
        if len(body) <= _MAX_BODY:
            if len(self._kept) >= _MAX_ANSWERS:
                self._kept.clear()
            lasting = tuple((name, value) for name, value in headers if name.lower() not in _NOT_KEPT)
            self._kept[key] = _Answer(stored, _kind_of(key[1]), lasting, named["etag"], body)
        return [body]


def _kind_of(path: str) -> str:
    """Return the page kind of a kept answer, as its route declares it."""
    return "icon" if path.endswith(".png") else "manifest" if path.endswith(".xml") else "pane"


def _again(kept: _Answer, environ: WSGIEnvironment, start_response: StartResponse) -> tuple[str, list[bytes]]:
    headers = [*kept.headers, ("X-Correlation-ID", new_correlation_id())]
    if kept.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 NOT MODIFIED", headers)
        return "304", []
    headers.append(("Content-Length", str(len(kept.body))))
    start_response("200 OK", headers)
    return "200", [kept.body]
