"""How long the conference platform waits for a policy answer, with a hundred thousand meetings in the tables."""

from __future__ import annotations

import base64
import http.client
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlalchemy import text

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import platform
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from bench import stock
from bench.figure import Figure, Group, Scale
from bench.load import WrongAnswer
from bench.processes import Server, serving
from bench.stock import HOST, analyse, numbers_of
from bench.workshop import KINDS, Workshop

_NAME, _PER_SECOND = "policy_p99", 50
_MEETINGS, _FIRST = 100_000, 10_000_000
_PATH = "/policy/v1/service/configuration?call_direction=dial_in&protocol=sip&local_alias=sip%3A"
_PASSWORD = "bench"
_OPEN, _PAST = (
    "'2020-01-01 00:00:00.000000', '2090-01-01 00:00:00.000000'",
    "'2020-01-01 00:00:00', '2020-01-02 00:00:00'",
)
_STATEMENTS = (
    """INSERT INTO conference (id, uuid, name, description, service_type, allow_guests,
         primary_owner_email_address, tag, non_idp_participants, extra, is_scheduled, sync_tag, version, created_at)
       SELECT {first} + i, 'room-' || i, 'Weekly ' || i, 'Booked by p' || i || '@example.com', 'conference', false, '',
         'sched:room-' || i, 'disallow_all', '{{}}', true, '', 1, '2026-01-01 00:00:00.000000' FROM {numbers}""",
    """INSERT INTO conference_alias (conference_id, alias, view_order, description)
       SELECT {first} + i, '80' || ({first} + i) || '@vmr.example.com', 0, '' FROM {numbers}""",
    """INSERT INTO conference_alias (conference_id, alias, view_order, description)
       SELECT {first} + i, '80' || ({first} + i), 1, '' FROM {numbers}""",
    """INSERT INTO scheduled_alias (id, uuid, integration_id, alias, numeric_alias, alias_number, is_used, caller,
         visit, created_at, expires_at)
       SELECT {first} + i, 'alias-' || i, 1, '80' || ({first} + i) || '@vmr.example.com', '80' || ({first} + i),
         {first} + i, true, 'c', '', '2026-01-01 00:00:00.000000', '2026-02-01 00:00:00.000000' FROM {numbers}""",
    """INSERT INTO meeting (id, integration_id, uid, state, reason, sequence, fingerprint, organizer, organizer_name,
         organizer_others, subject, item_id, message_id, zone, in_calendar, placeholder_tag, alias_id, conference_id,
         created_at, updated_at)
       SELECT {first} + i, 1, 'UID' || i, 'scheduled', '', 0, '', 'p' || i || '@example.com', '', '[]', 'Weekly', '',
         '', '', false, '', {first} + i, {first} + i, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'
       FROM {numbers}""",
    *(
        f"""INSERT INTO scheduled_conference (meeting_id, conference_id, integration_id, scheduled_alias_id, occurrence,
              start_time, end_time, opens_at, closes_at, subject, ews_item_id, ews_item_uid, created_at)
            SELECT {{first}} + i, {{first}} + i, 1, {{first}} + i, '', {window}, {window}, '', '', '',
              '2026-01-01 00:00:00.000000' FROM {{numbers}} WHERE i % 2 = {turn}"""
        for turn, window in enumerate((_OPEN, _PAST))
    ),
)


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    for kind in KINDS:
        if f"{_NAME}_{kind}" in wanted:
            yield _waiting(workshop, scale, kind)


def _fill(database: Database, box: SecretBox, meetings: int) -> None:
    """Add the meetings, of which every second one can be joined, and switch policy on."""
    stock.fill(database, box)
    settings = {"policy_enabled": True, "policy_username": "node", "policy_password": _PASSWORD}
    with database.write() as session:
        platform.change(session, settings, box=box, caller=ON_THIS_MACHINE, now=datetime.now(UTC))
    with database.write() as session:
        for statement in _STATEMENTS:
            filled = statement.format(first=_FIRST, numbers=numbers_of(database))
            session.execute(text(filled), {"count": meetings})
    analyse(database)


def _waiting(workshop: Workshop, scale: Scale, kind: str) -> Figure:
    """Ask at fixed times, whether the answers before have come or not; the time counts from when it was meant."""
    database = workshop.new_database(kind)
    meetings = min(_MEETINGS, scale.many_vmrs)
    _fill(database, workshop.box(database), meetings)
    number, chance = scale.writing_seconds * _PER_SECOND, random.Random(3)
    asked = [_question(chance, meetings) for _request in range(number)]
    with serving("addin_host", workshop, database, workers=2) as server, ThreadPoolExecutor(64) as pool:
        for alias, expected in asked[:100]:
            _milliseconds(server, alias, expected, time.monotonic())
        begun, pending = time.monotonic(), []
        for turn, (alias, expected) in enumerate(asked):
            at = begun + turn / _PER_SECOND
            time.sleep(max(0.0, at - time.monotonic()))
            pending.append(pool.submit(_milliseconds, server, alias, expected, at))
        times = sorted(one.result() for one in pending)
    detail = {"meetings": meetings, "requests": number, "median_ms": times[number // 2], "longest_ms": times[-1]}
    return Figure(f"{_NAME}_{kind}", times[int(number * 0.99)], "ms", "<=50", detail)


def _question(chance: random.Random, meetings: int) -> tuple[str, bytes]:
    """Return an alias and what the answer holds: of a meeting that is open, of one that is over, or unknown."""
    number = 1 + chance.randrange(meetings)
    if chance.random() < 0.2:
        return f"99{_FIRST + number}", b'"result": {}'
    alias = f"80{_FIRST + number}" + ("@vmr.example.com" if chance.random() < 0.5 else "")
    return alias, b"sched:room-" if number % 2 == 0 else b'"reject"'


def _milliseconds(server: Server, alias: str, expected: bytes, at: float) -> float:
    given = base64.b64encode(f"node:{_PASSWORD}".encode()).decode()
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=30)
    try:
        headers = {"Host": HOST, "Authorization": f"Basic {given}"}
        connection.request("GET", _PATH + alias, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200 or expected not in body:
        raise WrongAnswer(f"{alias}: {answer.status} {body[:100]!r}")
    return (time.monotonic() - at) * 1000


GROUP = Group(tuple(f"{_NAME}_{kind}" for kind in KINDS), _measure)
