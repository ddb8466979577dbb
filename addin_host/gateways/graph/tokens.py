"""Access tokens for Microsoft Graph, by client credentials over Authlib (scheduling.md section 10.6).

A token is kept for all mailboxes of the same application in this process, and fetched again when it ends or when Graph
does not take it any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session

from addin_host.domain.errors import HostError
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.gateways.graph import faults

_ENTRA_CODE = re.compile(r"AADSTS\d{4,9}")


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks for tokens, where, and for what."""

    client_id: str
    secret: str
    token_endpoint: str
    scope: str

    def fingerprint(self) -> str:
        """Return a name for its tokens that tells nothing."""
        told = "\0".join((self.client_id, self.secret, self.token_endpoint, self.scope))
        return sha256(told.encode()).hexdigest()


class Shelf:
    """The tokens of this process, by application."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tokens: dict[str, Mapping[str, Any]] = {}

    def get(self, name: str) -> Mapping[str, Any] | None:
        """Return a token that was put there."""
        with self._lock:
            return self._tokens.get(name)

    def put(self, name: str, token: Mapping[str, Any]) -> None:
        """Keep a token."""
        with self._lock:
            self._tokens[name] = token


class Tokens:
    """The tokens of one application; for one thread at a time."""

    def __init__(self, session: OAuth2Session, application: Application, shelf: Shelf) -> None:
        self._session, self._application, self._shelf = session, application, shelf
        self._name = application.fingerprint()
        session.register_compliance_hook("access_token_response", _judged)

    def get(self, *, fresh: bool = False) -> str:
        """Return an access token. Raises MailboxTrouble."""
        kept = None if fresh else self._shelf.get(self._name)
        if kept is None:
            return self._fetched()
        self._session.token = dict(kept)
        return self._fetched() if self._session.token.is_expired(leeway=60) else str(kept["access_token"])

    def _fetched(self) -> str:
        try:
            token = self._session.fetch_token(
                self._application.token_endpoint, grant_type="client_credentials", scope=self._application.scope
            )
        except HostError as error:
            raise faults.of_failure(error) from error
        except requests.RequestException as error:
            raise faults.trouble(Fault.UNREACHABLE) from error
        except (ValueError, TypeError, OverflowError) as error:  # a time to live that is no number
            raise faults.trouble(Fault.UNUSABLE, detail="no token") from error
        self._shelf.put(self._name, dict(token))
        return str(token["access_token"])


def session_for(application: Application) -> OAuth2Session:
    """Return the session that asks for tokens, not yet mounted."""
    return OAuth2Session(
        client_id=application.client_id,
        client_secret=application.secret,
        grant_type="client_credentials",
        token_endpoint=application.token_endpoint,
        scope=application.scope,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
    )


def _judged(answer: requests.Response) -> requests.Response:
    """Return the token endpoint's answer when there is a token in it. Raises MailboxTrouble."""
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        document = None
    said: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    if answer.status_code == 200:
        token = said.get("access_token")
        if isinstance(token, str) and token and token.isascii() and token.isprintable():
            return answer
        raise faults.trouble(Fault.UNUSABLE, detail="no token")
    if answer.status_code == 429 or answer.status_code >= 500:
        raise faults.of_answer(answer.status_code, answer.headers, None)
    code = _ENTRA_CODE.search(str(said.get("error_description", "")))
    words = "The token endpoint refuses the application. Check token endpoint, client ID and client secret."
    raise MailboxTrouble(Fault.AUTHENTICATION, words + (f" ({code[0]})" if code else ""))
