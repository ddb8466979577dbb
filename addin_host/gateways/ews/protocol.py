"""Calls to Exchange: exchangelib wraps requests, follows the server's version and reads its faults.

Two things of exchangelib's are not used. Its sending logs whole requests when one fails, and tries all versions; its
parser recovers from what is not XML. Sessions are made by us (sessions.py), one per mailbox, under the policy of
gateways/http; nothing is cached beyond them, in memory or on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import requests
from exchangelib.account import Identity
from exchangelib.configuration import Configuration
from exchangelib.errors import EWSError
from exchangelib.protocol import BaseProtocol, FailFast
from exchangelib.services.common import EWSService
from exchangelib.transport import NOAUTH
from exchangelib.version import Version

from addin_host.domain.errors import Upstream
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.gateways.ews import faults, payloads
from addin_host.gateways.ews.wire import Element, each, find, parse, text
from addin_host.gateways.kept import Budget

FIRST_VERSION, OLD_VERSION = "Exchange2013_SP1", "Exchange2010_SP2"
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"


class _Protocol(BaseProtocol):  # type: ignore[misc]
    """One endpoint and one session. `make` returns a session that is signed in and under our policy."""

    def __init__(self, url: str, make: Callable[[], requests.Session]) -> None:
        version = Version(build=None, api_version=FIRST_VERSION)
        super().__init__(
            Configuration(
                service_endpoint=url, auth_type=NOAUTH, retry_policy=FailFast(), version=version, max_connections=1
            )
        )
        self._make = make

    @property
    def version(self) -> Version:
        return self.config.version

    def create_session(self) -> requests.Session:
        session = self._make()
        vars(session).update(session_id=0, usage_count=0)  # exchangelib writes them to its log
        return session


class _Operation(EWSService):  # type: ignore[misc]
    """One call; subclasses name it."""

    def __init__(self, protocol: _Protocol, mailbox: str, acting_as: str) -> None:
        super().__init__(protocol)
        self._mailbox, self._acting_as = mailbox, acting_as

    @property
    def _account_to_impersonate(self) -> Identity | None:
        return Identity(primary_smtp_address=self._acting_as) if self._acting_as else None

    def _extra_headers(self) -> dict[str, str]:
        return {"X-AnchorMailbox": self._acting_as or self._mailbox}

    def _api_versions_to_try(self) -> tuple[str, ...]:
        known = str(self._version_hint.api_version)
        return (known,) if known == OLD_VERSION else (known, OLD_VERSION)

    def _get_response(self, payload: Element, api_version: str) -> requests.Response:
        session: requests.Session = self.protocol.get_session()
        try:
            response = session.post(
                self.protocol.service_endpoint,
                data=self.wrap(payload, api_version),
                headers={"Content-Type": "text/xml; charset=utf-8", **self._extra_headers()},
                allow_redirects=False,
            )
        finally:
            self.protocol.release_session(session)
        if response.status_code == 200 or (response.status_code == 500 and b"Fault>" in response.content):
            return response
        raise faults.of_status(response.status_code, response.headers.get("Retry-After", ""))

    @classmethod
    def _get_soap_parts(cls, response: requests.Response) -> tuple[Element | None, Element]:
        root = parse(response.content)
        body = root.find(f"{_SOAP}Body")
        if body is None:
            raise MailboxTrouble(Fault.UNUSABLE, "The Exchange server's answer is not SOAP.")
        return root.find(f"{_SOAP}Header"), body

    def messages(self, payload: Element) -> Sequence[Element]:
        """Send, and return the response messages, good and bad."""
        found: Sequence[Element] = self._get_response_xml(payload=payload)
        return found


@lru_cache(maxsize=64)
def _operation(name: str) -> type[_Operation]:
    return type(name, (_Operation,), {"SERVICE_NAME": name})


class Connection:
    """What a mailbox talks through. `acting_as` is who is impersonated in every call, blank for nobody."""

    def __init__(
        self, url: str, mailbox: str, make: Callable[[], requests.Session], budget: Budget, acting_as: str
    ) -> None:
        self.mailbox, self.acting_as, self.budget = mailbox, acting_as, budget
        self._protocol = _Protocol(url, make)

    def messages(self, payload: Element, acting_as: str = "") -> Sequence[Element]:
        """Send a request and return its response messages, one per item. Raises MailboxTrouble."""
        name = payload.tag.rpartition("}")[2]
        try:
            return _operation(name)(self._protocol, self.mailbox, acting_as or self.acting_as).messages(payload)
        except EWSError as error:
            back_off = getattr(error, "back_off", None)
            raise faults.of_code(type(error).__name__, wait_milliseconds=back_off and back_off * 1000) from error
        except Upstream as error:
            raise faults.of_upstream(error) from error

    def one(self, payload: Element, acting_as: str = "") -> Element:
        """Send a request that has one response message, and return that. Raises MailboxTrouble, its error too."""
        found = self.messages(payload, acting_as)
        if len(found) != 1:
            raise MailboxTrouble(Fault.UNUSABLE, "The Exchange server's answer is not complete.")
        error = error_of(found[0])
        if error is not None:
            raise error
        return found[0]

    def items(self, payload: Element, acting_as: str = "") -> Iterator[Element]:
        """Send a request that finds or makes items, and yield them. Raises MailboxTrouble."""
        for holder in each(self.one(payload, acting_as), ".//t:Items" if _finds(payload) else "m:Items"):
            yield from holder

    def look(self) -> None:
        """Raise what is wrong with the mailbox as a whole."""
        for message in self.messages(payloads.look_at(self.mailbox, "inbox", "calendar")):
            error = error_of(message)
            if error is not None:
                raise error


def _finds(payload: Element) -> bool:
    return payload.tag.endswith("}FindItem")


def error_of(message: Element) -> MailboxTrouble | None:
    """Return what a response message says is wrong."""
    if message.get("ResponseClass") == "Success":
        return None
    details = find(message, "m:MessageXml")
    values = [] if details is None else list(each(details, "t:Value"))
    wait = next((value.text for value in values if value.get("Name") == "BackOffMilliseconds"), None)
    code = text(message, "m:ResponseCode")
    return faults.of_code(code, wait_milliseconds=float(wait) if wait and wait.isdigit() else None)
