"""One installation whose equipment mailbox is on a server of ours: the pane, the worker, and what all of it leaves.

The mailbox is behind EWS with the database on PostgreSQL, or behind Microsoft Graph with SQLite. What Outlook does at
Send is played here: the appointment as it stands in the window is delivered into the mailbox.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Page

from addin_host.domain.calendar import Meeting, MessageKind, Zone
from addin_host.domain.calendar import Organizer as Person
from tests.gateways.ews.exchange import ROOM
from tests.gateways.ews.server import PASSWORD, USER
from tests.gateways.ews.world import EwsWorld, exchange_server
from tests.gateways.graph.server import CLIENT, SECRET, TOKEN_PATH, GraphServer
from tests.gateways.graph.world import GraphWorld
from tests.gateways.mailbox_contract import HORIZON, Sent

from . import edge
from .application import Application, single_use_integrations
from .certificate import Certificate
from .conftest import World
from .meetings import BOB, CAROL, ON_PREMISES, exchange_token
from .outlook_host import OutlookHost
from .pane import Pane
from .processes import Server, free_port
from .records import Records
from .upstream import ask

INTEGRATION = 1
ALICE = {"name": "Alice Example", "address": "alice@contoso.example"}  # of the organization that the mailbox is of
NODE, NODE_PASSWORD = "node", "what the conference nodes say"
SECONDS = 30.0  # a machine with much to do is not a fault of the worker


class Side(Protocol):
    """The organizers' side of the mailbox."""

    def deliver(self, meeting: Meeting, kind: MessageKind = ...) -> str: ...
    def sent(self) -> Sequence[Sent]: ...


class GraphOverTls(GraphServer):
    """Graph at the name of the certificate."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    @property
    def origin(self) -> str:
        return f"https://{edge.MAILBOX}:{self.port}"

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            super()._serve(self._context.wrap_socket(connection, server_side=True))


@contextmanager
def behind_ews(certificate: Certificate) -> Iterator[tuple[Side, int, dict[str, Any]]]:
    """Play Exchange Server; give the organizers' side, the port, and how an integration reaches the mailbox."""
    with exchange_server(tls=_context(certificate)) as server:
        url = f"https://{edge.MAILBOX}:{server.port}/EWS/Exchange.asmx"
        reached = {"mailbox_protocol": "EWS", "authentication_method": "BASIC", "url": url}
        yield EwsWorld(server), server.port, {**reached, "username": USER, "password": PASSWORD}


@contextmanager
def behind_graph(certificate: Certificate) -> Iterator[tuple[Side, int, dict[str, Any]]]:
    """Play Microsoft Graph, likewise, for an integration that may write in the calendars of organizers."""
    with GraphOverTls(_context(certificate)) as server:
        assert isinstance(server, GraphServer)
        reached = {
            "mailbox_protocol": "GRAPH",
            "authentication_method": "APP_PERM",
            "graph_endpoint": server.endpoint,
            "oauth_token_endpoint": server.origin + TOKEN_PATH,
            "oauth_client_id": CLIENT,
            "oauth_client_secret": SECRET,
            "late_instructions": True,
        }
        yield GraphWorld(server), server.port, reached
        assert server.violations == []


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


@dataclass
class Chain:
    """Everything from the appointment to the conference node."""

    world: World
    records: Records
    side: Side
    worker: Server | None = None

    def start_worker(self) -> None:
        """Start the worker, unless it runs."""
        self.worker = self.worker or self.world.application.work()

    def told(self, *, beyond: int = 0) -> list[Sent]:
        """Return the answers of the mailbox, but for the first `beyond`."""
        return list(self.side.sent())[beyond:]

    def appointment(self, uid: str) -> str:
        """Return the text of a meeting as it stands in the organizer's calendar behind Graph."""
        assert isinstance(self.side, GraphWorld)
        return str(self.side.server.exchange.mailbox(ROOM).find(uid, HORIZON).body)

    def policy(self, alias: str) -> dict[str, Any]:
        """Return what a conference node hears about an alias, over nginx."""
        said = base64.b64encode(f"{NODE}:{NODE_PASSWORD}".encode()).decode()
        path = f"/policy/v1/service/configuration?local_alias={alias}&call_direction=dial_in&protocol=webrtc"
        answer = ask(
            self.world.certificate,
            self.world.port,
            "GET",
            path,
            name=edge.ADDIN,
            host=edge.ADDIN,
            headers={"Authorization": f"Basic {said}"},
        )
        assert answer.status == 200, answer.data
        return dict(answer.json())

    def command(self, *arguments: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.world.application.run(*arguments, "--json"))

    def log(self) -> list[dict[str, str]]:
        """Return what the worker has logged."""
        lines = self.worker.text().splitlines() if self.worker else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def complaints(self) -> list[str]:
        """Return what web process and worker have logged of things that went wrong."""
        lines = [line for server in (*self.world.web, self.worker) if server for line in server.text().splitlines()]
        said = [
            line for line in lines if not line.startswith(("{", "Worker ", "Serving ", "No administrator", "  http"))
        ]
        return said + [line for line in lines if line.startswith("{") and '"level": "info"' not in line]


@contextmanager
def installed(world: World, folder: Path, url: str, opened: Any) -> Iterator[Chain]:
    """Install the product beside the one that other tests share, and let it be served."""
    side, mailbox_port, reached = opened
    port, given = free_port(), world.application
    application = Application(
        folder, port, given.authority, given.metadata_url, database_url=url, mailbox_port=mailbox_port
    )
    single_use = single_use_integrations(port, given.authority, given.metadata_url)[0]
    application.run("db", "upgrade")
    application.configure({**single_use, **reached, "room_mailbox_email_address": ROOM})
    plan = edge.Plan(folder, world.certificate, port, free_port(), f"unix:{application.socket}", for_nodes=True)
    own = replace(world, folder=folder, port=port, application=application, web=[])
    records = Records(application)
    records.configure(policy_enabled=True, policy_username=NODE, policy_password=NODE_PASSWORD)
    with edge.start(plan):
        own.web.append(application.serve())
        chain = Chain(own, records, side)
        try:
            yield chain
        finally:
            for server in (*own.web, *filter(None, [chain.worker])):
                server.stop()
            records.close()


class Organizer:
    """Alice before one appointment in Outlook on the web, from the first press to the cancellation."""

    def __init__(self, page: Page, chain: Chain) -> None:
        self.chain = chain
        self.host = OutlookHost(page, chain.world.origin(edge.OUTLOOK))
        self.pane = Pane(self.host)
        class_id, made = "040000008200E00074C5B7101A82E008", "0" * 8 + "80C5D2A1B27CDC01"
        self.uid = f"{class_id}{made}{'0' * 16}10000000{uuid.uuid4().hex.upper()}"
        self.sequence = -1

    def write(self, subject: str, start: datetime) -> None:
        """Open a new appointment of an hour, with the pane beside it."""
        appointment = {
            "subject": subject,
            "body": {"content": "<p>Agenda</p>", "rewriting": "gentle"},
            "required": [BOB],
            "optional": [CAROL],
            "user": ALICE,
            "organizer": ALICE,
            "identityToken": exchange_token(self.chain.world, INTEGRATION),
            **_times(start),
        }
        self.pane.open_known(self.chain.world.pane(INTEGRATION), appointment=appointment, initialData=ON_PREMISES)

    def move(self, start: datetime) -> None:
        """Choose another time."""
        self.host.edit(**_times(start))

    def send(self, kind: MessageKind = MessageKind.REQUEST) -> None:
        """Press Send, or Cancel: the appointment goes to everybody who is invited, as it stands in the window."""
        self.sequence += 1
        state = self.host.state()
        assert ROOM in [person["address"] for person in state["required"]]
        start, end = (datetime.fromtimestamp(state[name] / 1000, UTC) for name in ("start", "end"))
        meeting = Meeting(
            uid=self.uid,
            item_id="",
            sequence=self.sequence,
            critical_change=datetime.now(UTC).replace(microsecond=0),
            organizer=Person(state["organizer"]["address"], state["organizer"]["name"]),
            subject=state["subject"],
            body=f'<html><head><meta charset="utf-8"></head><body dir="ltr">{state["body"]}</body></html>',
            body_is_html=True,
            start=start,
            end=end,
            zone=Zone("W. Europe Standard Time"),
            is_cancelled=kind is MessageKind.CANCELLATION,
        )
        self.chain.side.deliver(meeting, kind)
        self.chain.records.look(INTEGRATION)

    def until(self, ask: Callable[[], Any], what: str) -> Any:
        """Wait for what the worker does."""
        try:
            return self.host.until(ask, what, seconds=SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.chain.complaints()}") from error


def _times(start: datetime) -> dict[str, int]:
    ends = start + timedelta(hours=1)
    return {"start": int(start.timestamp() * 1000), "end": int(ends.timestamp() * 1000)}
