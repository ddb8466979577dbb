"""The outside world in memory: what the demo runs on."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock
from urllib.parse import urlencode

from addin_host.domain.demo import PEOPLE, DemoPerson
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.ports import PendingSignIn, Person

_MAX_CODES = 1000


class DemoIdentity:
    """An identity provider whose sign-in page is a page of the demo; it plays Azure and AD FS."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._codes: OrderedDict[str, tuple[DemoPerson, str]] = OrderedDict()
        self._lock = Lock()

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Return the address of the demo's sign-in page."""
        query = urlencode({"integration": integration.id, "state": pending.state, "nonce": pending.nonce})
        return f"{self._origin}/demo/signin?{query}"

    def grant(self, email: str, nonce: str) -> str:
        """Return a code for the person with this address. Raises Refused for anybody else."""
        person = next((person for person in PEOPLE if person.email == email), None)
        if person is None:
            raise Refused(Reason.FORBIDDEN, "The demo does not know this person.")
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[code] = (person, nonce)
            while len(self._codes) > _MAX_CODES:
                self._codes.popitem(last=False)
        return code

    def redeem(
        self, integration: Integration, pending: PendingSignIn, *, code: str, issuer: str | None, client_secret: str
    ) -> Person:
        """Return the person of the code, once. Raises Refused."""
        del issuer, client_secret  # a real provider needs them; the demo has nobody to mix up
        with self._lock:
            person, nonce = self._codes.pop(code, (None, ""))
        if person is None or nonce != pending.nonce:
            raise Refused(Reason.UNAUTHENTICATED, "The demo's sign-in does not match. Sign in again.")
        path = str(integration["auth_provider"])
        return Person(path, f"{self._origin}/{path}", f"demo:{person.email}", person.email, person.name)

    def person_of(self, integration: Integration, token: str) -> Person:
        """Return the person whom the simulated Outlook names as `demo:ADDRESS`. Raises Refused for anybody else."""
        del integration
        person = next((person for person in PEOPLE if f"demo:{person.email}" == token), None)
        if person is None:
            raise Refused(Reason.UNAUTHENTICATED, "The demo does not know this person.")
        return Person("NAA", f"{self._origin}/AZURE", f"demo:{person.email}", person.email, person.name)
