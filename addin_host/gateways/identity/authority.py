"""What a provider publishes about itself: issuer and signing keys, fetched, checked and kept."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import PyJWTError

from addin_host.domain.addresses import Peer, parse_url
from addin_host.domain.errors import HostError, Misconfigured, Upstream
from addin_host.gateways.federation import read_metadata
from addin_host.gateways.http import Answer, Outbound, Route
from addin_host.gateways.identity.tokens import ALGORITHM, MAX_KEY_BITS, MIN_KEY_BITS, SigningKey, strict_json

FRESH_SECONDS = 3600
STALE_SECONDS = 24 * 3600
UNKNOWN_KEY_PAUSE_SECONDS = 60
FAILURE_PAUSE_SECONDS = 10
DEAD_SECONDS = 60
MAX_KEYS = 100
MAX_KEPT = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a provider publishes: its authority, its discovery document and, for AD FS 2012 R2, federation metadata.

    `setting` is what administrators call the entry that says so.
    """

    peer: Peer
    discovery: str
    federation: str = ""
    setting: str = "authorization URI"


@dataclass(frozen=True, slots=True)
class Authority:
    """A provider as it describes itself. `issuer` is blank where only federation metadata exists.

    `key_header` is the token header that names a key of `keys`. The endpoints are as published, unchecked; integrations
    name theirs themselves.
    """

    issuer: str
    access_token_issuer: str
    keys: Mapping[str, SigningKey]
    key_header: str = "kid"
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    token_authentication: tuple[str, ...] = ()


Read = Callable[[Outbound, Source, Route], Authority]


@dataclass(slots=True)
class _Kept:
    """What is known of one source. `served` says whether a key of the last fetch has been asked for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    authority: Authority | None = None
    fetched_at: float = 0.0
    served: bool = False
    looked_again_at: float = -math.inf
    failed_at: float = 0.0
    failure: HostError | None = None

    def fresh(self, now: float) -> Authority | None:
        """Return what is kept unless it has to be fetched."""
        return self.authority if now - self.fetched_at < FRESH_SECONDS else None

    def is_settled(self, now: float) -> bool:
        """Whether there is an answer without another fetch: keys that are still good, or a failure a moment ago."""
        is_good = self.authority is not None and now - self.fetched_at < STALE_SECONDS
        return is_good or (self.failure is not None and now - self.failed_at < DEAD_SECONDS)

    def may_look_again(self, now: float) -> bool:
        """Whether an unknown key is worth a fetch."""
        return now - self.looked_again_at >= UNKNOWN_KEY_PAUSE_SECONDS


class Authorities:
    """Authorities by source and route, so that no integration can place keys before another with its own CA or proxy.

    Fetched hourly; kept up to a day while the provider does not answer; an unknown key is looked for once a minute.
    Nobody waits for a fetch who asks for what is fresh, nor behind another who waits for a dead provider. `read` reads
    what one provider publishes, `fetch` by default.
    """

    def __init__(self, outbound: Outbound, now: Callable[[], datetime], read: Read | None = None) -> None:
        self._outbound, self._now, self._read = outbound, now, read or fetch
        self._kept: dict[tuple[Source, Route], _Kept] = {}
        self._lock = threading.Lock()

    def current(self, source: Source, route: Route) -> Authority:
        """Return the authority. Raises Upstream or Misconfigured."""
        kept, now = self._entry(source, route), self._now().timestamp()
        return kept.fresh(now) or self._fetched(kept, source, route, now)

    def _fetched(self, kept: _Kept, source: Source, route: Route, now: float) -> Authority:
        # While one person waits for a provider that may be dead, the others make do with what is known of it.
        if not kept.lock.acquire(blocking=not kept.is_settled(now)):
            return _known(kept, source, now)
        try:
            return kept.fresh(now) or self._refreshed(kept, source, route, now)
        finally:
            kept.lock.release()

    def key(self, source: Source, route: Route, key_id: str) -> SigningKey | None:
        """Return a signing key by its name, after looking again once if it is new. Raises as `current` does."""
        kept, known = self._entry(source, route), self.current(source, route).keys.get(key_id)
        if known is None:
            known = self._looked_for(kept, source, route, key_id, self._now().timestamp())
        kept.served = kept.served or known is not None
        return known

    def _looked_for(self, kept: _Kept, source: Source, route: Route, key_id: str, now: float) -> SigningKey | None:
        with kept.lock:
            if kept.authority is None or not kept.may_look_again(now):
                return kept.authority.keys.get(key_id) if kept.authority else None
            just_fetched = not kept.served and kept.looked_again_at < kept.fetched_at
            kept.looked_again_at = now
            authority = kept.authority if just_fetched else self._refreshed(kept, source, route, now)
            return authority.keys.get(key_id)

    def _entry(self, source: Source, route: Route) -> _Kept:
        with self._lock:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            return self._kept.setdefault((source, route), _Kept())

    def _refreshed(self, kept: _Kept, source: Source, route: Route, now: float) -> Authority:
        """Fetch, or fall back on what is kept. A failure is remembered shortly: a dead provider holds up one person."""
        if kept.failure is None or now - kept.failed_at >= FAILURE_PAUSE_SECONDS:
            try:
                kept.authority, kept.fetched_at, kept.failure = self._read(self._outbound, source, route), now, None
                kept.served = False
            except HostError as error:
                kept.failed_at, kept.failure = now, error
                log.warning("the sign-in service's keys were not refreshed: %s", error.message)
        return _known(kept, source, now)


def _known(kept: _Kept, source: Source, now: float) -> Authority:
    """Return what is kept. Raises the failure when that is too old, or nothing."""
    is_stale = kept.failure is not None and now - kept.fetched_at >= STALE_SECONDS
    if kept.authority is None or is_stale:
        raise (kept.failure or unusable(source)).with_traceback(None)
    return kept.authority


def fetch(outbound: Outbound, source: Source, route: Route) -> Authority:
    """Read what the provider publishes now. Raises Upstream or Misconfigured."""
    answer = outbound.get(source.discovery, route)
    if answer.status == 404 and source.federation:
        federation = outbound.get(source.federation, route, accept="application/samlmetadata+xml, text/xml")
        return _from_federation(federation, source)
    document = read_document(answer, source)
    issuer, keys_url = document.get("issuer"), document.get("jwks_uri")
    if not isinstance(issuer, str) or not isinstance(keys_url, str):
        raise unusable(source)
    if parse_url(keys_url, route.policy) != source.peer:
        raise Misconfigured(f"The sign-in service publishes its keys on another host than the {source.setting}'s.")
    access_token_issuer = document.get("access_token_issuer", issuer)
    methods = document.get("token_endpoint_auth_methods_supported")
    return Authority(
        issuer,
        str(access_token_issuer),
        _keys(read_document(outbound.get(keys_url, route), source), source),
        authorization_endpoint=str(document.get("authorization_endpoint", "")),
        token_endpoint=str(document.get("token_endpoint", "")),
        token_authentication=tuple(map(str, methods)) if isinstance(methods, list) else (),
    )


def _from_federation(answer: Answer, source: Source) -> Authority:
    try:
        entity, keys = read_metadata(answer.body if answer.status == 200 else b"")
    except ValueError as error:
        raise unusable(source) from error
    return Authority("", entity, {name: SigningKey(key) for name, key in keys.items() if is_strong(key)}, "x5t")


def read_document(answer: Answer, source: Source) -> dict[str, Any]:
    """Return the JSON object that a source answers with. Raises Upstream for anything else."""
    try:
        if answer.status == 200:
            return strict_json(answer.body)
    except ValueError as error:
        raise unusable(source) from error
    raise unusable(source)


def unusable(source: Source) -> Upstream:
    """Return the error for a source that publishes something else than keys."""
    return Upstream(
        f"The sign-in service's own description cannot be used. Check the {source.setting}.", retryable=False
    )


def _keys(document: Mapping[str, Any], source: Source) -> dict[str, SigningKey]:
    """Return the usable RSA signing keys by kid. A kid that stands twice names no key."""
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise unusable(source)
    usable = [entry for entry in entries if isinstance(entry, dict) and _is_for_signing(entry)]
    counts = Counter(entry["kid"] for entry in usable)
    found = {entry["kid"]: _key(entry) for entry in usable if counts[entry["kid"]] == 1}
    return {kid: key for kid, key in found.items() if key is not None}


def _is_for_signing(entry: Mapping[str, Any]) -> bool:
    kid = entry.get("kid")
    return (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(kid, str)
        and 0 < len(kid) <= 256
    )


def _key(entry: dict[str, Any]) -> SigningKey | None:
    """Parse once; verification then uses the key object and never bytes."""
    try:
        public = RSAAlgorithm.from_jwk({"kty": "RSA", "n": entry.get("n"), "e": entry.get("e")})
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    issuer = entry.get("issuer", "")
    if not isinstance(public, RSAPublicKey) or not is_strong(public) or not isinstance(issuer, str):
        return None
    return SigningKey(public, issuer)


def is_strong(key: RSAPublicKey) -> bool:
    """Whether a key has a length that is neither weak nor made to cost us time."""
    return MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS
