"""The SOAP server in front of `Exchange`: HTTP that keeps connections, sign-in, schemas, and faults on demand."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from lxml import etree

from addin_host.gateways.ews.wire import Element, each, local, make, text
from tests.gateways.ews.exchange import Exchange, SoapFault, failure
from tests.gateways.ews.exchange import Refused as ItemRefused
from tests.gateways.ews.schema import SOAP, faults_in
from tests.gateways.peers.faulty import OWN, Faults, Kind
from tests.gateways.peers.server import LocalServer, Request, answer, read_request

ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
USER, PASSWORD = "CONTOSO\\svc-rooms", "pässword-1"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
Guard = Callable[["Visit"], bool]


@dataclass
class Visit:
    """One connection, and what it has shown of itself."""

    number: int
    connection: socket.socket
    request: Request
    state: dict[str, object] = field(default_factory=dict)


def basic(visit: Visit) -> bool:
    """Admit the service account by its password, refuse everybody else."""
    if visit.request.headers.get("authorization") == BASIC:
        return True
    answer(visit.connection, status=401, headers=('WWW-Authenticate: Basic realm="ews"',))
    return False


def bearer(*tokens: str) -> Guard:
    """Admit who brings one of these tokens."""

    def guard(visit: Visit) -> bool:
        if visit.request.headers.get("authorization") in [f"Bearer {token}" for token in tokens]:
            return True
        answer(visit.connection, status=401, headers=('WWW-Authenticate: Bearer error="invalid_token"',))
        return False

    return guard


@dataclass
class EwsServer(LocalServer):
    """`behave` is not used: the server answers by itself. `trouble` may answer instead."""

    exchange: Exchange = field(default_factory=Exchange)
    guard: Guard = basic
    faults: Faults = field(default_factory=lambda: Faults(seconds=2.0))
    trouble: Callable[[Request], tuple[int, bytes] | None] | None = None
    operations: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def _serve(self, connection: socket.socket) -> None:
        number = self.connections
        state: dict[str, object] = {}
        with suppress(OSError, ValueError):
            connection.settimeout(20)
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            while True:
                request = read_request(connection)
                self.requests.append(request)
                if not self._answer(Visit(number, connection, request, state)):
                    break
        connection.close()

    def _answer(self, visit: Visit) -> bool:
        """Return whether the connection stays."""
        if not self.guard(visit):
            return True
        envelope = etree.fromstring(visit.request.body)
        body = envelope.find(f"{{{SOAP}}}Body")
        assert body is not None
        operation = local(body[0])
        self.operations.append(operation)
        self.complaints += faults_in(envelope)
        plan = self.faults.take(operation, *(set(Kind) - OWN))
        if plan is not None:
            if plan.after_acting:
                self._soap(envelope, body[0])
            self.faults.play(plan.kind, visit.connection)
            return False
        status, content = self._content(visit.request, envelope, body[0])
        answer(visit.connection, content, status=status, headers=("Content-Type: text/xml; charset=utf-8",))
        return True

    def _content(self, request: Request, envelope: Element, asked: Element) -> tuple[int, bytes]:
        made = self.trouble(request) if self.trouble is not None else None
        return made or self._soap(envelope, asked)

    def _soap(self, envelope: Element, asked: Element) -> tuple[int, bytes]:
        version = envelope.find(".//{*}RequestServerVersion")
        self.versions.append("" if version is None else version.get("Version", ""))
        acting_as = envelope.findtext(".//{*}PrimarySmtpAddress", "")
        try:
            messages = self.exchange.answer(asked, acting_as)
        except SoapFault as fault:
            return 500, soap_fault(fault)
        if self.faults.take(local(asked), Kind.PARTIAL_BATCH):
            half = len(messages) // 2
            refused = ItemRefused("ErrorServerBusy", BackOffMilliseconds="6500")
            messages[half:] = [failure(asked, refused, make("m:Items")) for _ in messages[half:]]
        return 200, self._answered(asked, messages)

    def _answered(self, asked: Element, messages: list[Element]) -> bytes:
        response = make(f"m:{local(asked)}Response", make("m:ResponseMessages", *messages))
        content = envelope_of(response)
        self.complaints += faults_in(etree.fromstring(content))
        return content


def envelope_of(response: Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP})
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    header.append(
        make(
            "t:ServerVersionInfo",
            MajorVersion="15",
            MinorVersion="2",
            MajorBuildNumber="1748",
            MinorBuildNumber="10",
            Version="V2017_07_11",
        )
    )
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(response)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def soap_fault(fault: ItemRefused) -> bytes:
    values = "".join(f'<t:Value Name="{name}">{value}</t:Value>' for name, value in fault.values.items())
    types = "http://schemas.microsoft.com/exchange/services/2006/types"
    more = f'<t:MessageXml xmlns:t="{types}">{values}</t:MessageXml>' if values else ""
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><faultcode xmlns:a="{types}">a:{fault.code}</faultcode>'
        f"<faultstring>No.</faultstring><detail>"
        f'<e:ResponseCode xmlns:e="{ERRORS}">{fault.code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{ERRORS}">No.</e:Message>{more}</detail></s:Fault></s:Body></s:Envelope>'
    ).encode()


def names_of(request: bytes) -> list[str]:
    """Return the mailboxes that a request names."""
    return [text(holder, "t:EmailAddress") for holder in each(etree.fromstring(request), ".//t:Mailbox")]
