"""`addin-host conference`: the conferences of meetings that were sent to the equipment mailbox."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows.scheduling import listing, meeting_named, one_meeting, timeline
from addin_host.flows.scheduling.one_meeting import Meeting

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_Row = tuple[str, ...]


@click.group()
def conference() -> None:
    """Scheduled conferences: the rooms of meetings, their aliases and windows, and what was done about them."""


@conference.command(
    "list",
    epilog="""\b
Examples:
  addin-host conference list --search budget
  addin-host conference list --integration 1 --day 2026-11-24""",
)
@click.option("--integration", "integration_id", type=int, metavar="ID", help="Only those of this integration.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Whatever is open at some time of this day.")
@click.option("--search", default="", metavar="TEXT", help="Words in subject, organizer, name or alias.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@_json
@click.pass_obj
def list_(
    wiring: Wiring, integration_id: int | None, day: datetime | None, search: str, limit: int, as_json: bool
) -> None:
    """List conferences that are not over, the earliest first; of a series the next meeting.

    With --day every meeting of that day, also of series, and those that are over. The day and all times are those of
    the integration's time zone, or UTC where several differ.
    """
    now = wiring.now()
    with wiring.database().read() as session:
        zone = timeline.zone_for(session, integration_id, caller=ON_THIS_MACHINE)
        if day is None:
            wanted = listing.Wanted(search=search, integration_id=integration_id, size=limit)
            found: Sequence[Any] = listing.page(session, wanted, caller=ON_THIS_MACHINE, now=now).lines
        else:
            found = list(_of_day(session, day, zone, integration_id, search, now))[:limit]
    if as_json:
        click.echo(json.dumps([_record(one, now) for one in found], ensure_ascii=False, indent=2))
        return
    _print_table([_cells(one, zone, now) for one in found])
    if not found:
        click.echo("Nothing was found.", err=True)
        return
    more = (
        f" The first {limit} are shown; narrow it with --search, --day or --integration." if limit == len(found) else ""
    )
    click.echo(f"Times: {zone[1]}.{more}", err=True)


def _of_day(
    session: Session, day: datetime, zone: Any, integration_id: int | None, search: str, now: datetime
) -> Iterator[timeline.Room]:
    number, has_more = 1, True
    while has_more:
        page = timeline.day_of(
            session,
            day.date(),
            zone=zone,
            integration_id=integration_id,
            page=number,
            caller=ON_THIS_MACHINE,
            now=now,
        )
        for room in page.rooms:
            text = f"{room.name} {room.organizer}".lower()
            if all(word in text for word in search.lower().split()):
                yield room
        number, has_more = number + 1, page.has_more


def _cells(one: Any, zone: Any, now: datetime) -> _Row:
    start, end = (instant.astimezone(zone[0]) for instant in (one.start, one.end))
    return str(one.meeting_id), f"{start:%Y-%m-%d %H:%M}-{end:%H:%M}", one.state(now)[1], one.name, one.organizer


def _record(one: Any, now: datetime) -> dict[str, Any]:
    names = ("start", "end", "opens_at", "closes_at")
    found = {"id": one.meeting_id, "name": one.name, "organizer": one.organizer, "integration": one.integration}
    return found | {name: getattr(one, name).isoformat() for name in names} | {"state": one.state(now)[1]}


def _print_table(rows: Sequence[_Row]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@conference.command(
    "show",
    epilog="""\b
Examples:
  addin-host conference show 12
  addin-host conference show 79123456@vmr.example.com""",
)
@click.argument("which", metavar="ID|NAME|ALIAS")
@_json
@click.pass_obj
def show(wiring: Wiring, which: str, as_json: bool) -> None:
    """Show one conference: windows, aliases, organizer, and its history from mail to room to reply.

    Steps with the same correlation id belong to one mail; the reply of a failure and the log name it too.
    """
    now = wiring.now()
    with wiring.database().read() as session:
        meeting_id = meeting_named.named(session, which, caller=ON_THIS_MACHINE)
        meeting = one_meeting.find(session, meeting_id, caller=ON_THIS_MACHINE, now=now)
        zone = timeline.zone_for(session, meeting.integration_id, caller=ON_THIS_MACHINE)
    if as_json:
        click.echo(json.dumps(asdict(meeting), ensure_ascii=False, indent=2, default=_plain))
        return
    click.echo(meeting.name)
    _print_table([(f"  {label}", value) for label, value in _facts(meeting, zone, now) if value])
    _print_history(meeting, zone)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _facts(meeting: Meeting, zone: Any, now: datetime) -> Iterator[tuple[str, str]]:
    yield "number", str(meeting.id)
    yield "from", meeting.origin
    yield "organizer", f"{meeting.organizer_name} <{meeting.organizer}>".strip()
    yield "aliases", ", ".join(meeting.aliases)
    yield "state", meeting.standing(now)[1]
    for one in meeting.occurrences[:5]:
        times = [f"{instant.astimezone(zone[0]):%Y-%m-%d %H:%M}" for instant in (one.start, one.end)]
        window = [f"{instant.astimezone(zone[0]):%H:%M}" for instant in (one.opens_at, one.closes_at)]
        yield "meets", f"{times[0]} to {times[1]}, open from {window[0]} to {window[1]}"
    if meeting.known_occurrences > 5:
        yield "", f"and {meeting.known_occurrences - 5} times more"
    for item in meeting.waiting:
        error = f" ({item.error_code}: {item.error})" if item.error_code else ""
        due = f", due {item.due_at.astimezone(zone[0]):%Y-%m-%d %H:%M}" if item.state == "pending" else ""
        yield item.standing[1].lower(), f"{item.words}{due}{error}"
    yield "times", zone[1]


def _print_history(meeting: Meeting, zone: Any) -> None:
    last = ""
    for step in meeting.history:
        if step.correlation_id != last:
            click.echo(f"\n{step.correlation_id}")
            last = step.correlation_id
        end = "" if step.success else f": {step.error_code} {step.error_description}".rstrip()
        at = step.at.astimezone(zone[0])
        click.echo(f"  {at:%Y-%m-%d %H:%M:%S}  {step.part.ljust(12)}  {step.words}{end}")
