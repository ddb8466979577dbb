"""Access tokens of an application with permissions of its own (authentication method APP_PERM)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from addin_host.domain.errors import Upstream
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.gateways.ews.faults import of_upstream

MARGIN = 120  # seconds before its end in which a token is not used any more
_REFUSED = "The token endpoint refuses the application. Check the OAuth client ID, its secret and the token endpoint."

_NO_TOKEN = "The token endpoint's answer is no token."  # noqa: S105 - words


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks for tokens, where, and for what."""

    endpoint: str
    client_id: str
    client_secret: str
    scope: str


@dataclass(slots=True)
class _Held:
    token: str = ""
    until: float = 0.0
    lock: Lock = field(default_factory=Lock)


class AppTokens:
    """The tokens of one application. They are kept in memory, and shared by all mailboxes that it opens."""

    def __init__(self, application: Application, mount: Callable[[requests.Session], object]) -> None:
        self._application, self._mount = application, mount
        digest = hashlib.sha256(application.client_secret.encode()).hexdigest()
        self._held = _held(application.endpoint, application.client_id, application.scope, digest)

    def __call__(self, again: bool) -> str:
        """Return a token that is good for some time. `again`: the last one was refused. Raises MailboxTrouble."""
        held, refused = self._held, self._held.token
        with held.lock:
            if held.until < time.monotonic() or (again and held.token == refused):
                answered = self._fetch()
                held.token, held.until = _read(answered)
            return held.token

    def _fetch(self) -> Any:
        session = OAuth2Session(
            client_id=self._application.client_id,
            client_secret=self._application.client_secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
            scope=self._application.scope,
        )
        self._mount(session)
        with session:
            try:
                return session.fetch_token(self._application.endpoint, grant_type="client_credentials")
            except AuthlibBaseError as error:
                raise MailboxTrouble(Fault.AUTHENTICATION, _REFUSED) from error
            except requests.HTTPError as error:
                raise MailboxTrouble(Fault.UNREACHABLE, "The token endpoint has trouble of its own.") from error
            except Upstream as error:
                raise of_upstream(error) from error
            except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
                raise MailboxTrouble(Fault.UNUSABLE, _NO_TOKEN) from error


def _read(answered: Any) -> tuple[str, float]:
    if not isinstance(answered, Mapping):
        raise MailboxTrouble(Fault.UNUSABLE, _NO_TOKEN)
    token, seconds = answered.get("access_token"), answered.get("expires_in", 3600)
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise MailboxTrouble(Fault.UNUSABLE, _NO_TOKEN)
    seconds = int(seconds) if isinstance(seconds, int | float | str) and str(seconds).isdigit() else 0
    return token, time.monotonic() + max(0, min(seconds, 86_400) - MARGIN)


@lru_cache(maxsize=64)
def _held(*_application: str) -> _Held:
    return _Held()
