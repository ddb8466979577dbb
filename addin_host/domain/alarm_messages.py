"""What alarms say when they are sent: the letter, and the body of the webhook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from addin_host.domain.alarms import Alarm

RAISED, ENDED, TEST = "raised", "ended", "test"
_TEST_WORDS = "This is a test message. Alarms of addin-host arrive here."


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """An alarm that was raised or has ended, and that nobody was told of yet."""

    kind: str
    alarm: Alarm

    @property
    def key(self) -> str:
        """What is the same for the same message."""
        return f"{self.alarm.id} {self.kind}"


def subject_of(events: Sequence[AlarmEvent]) -> str:
    """Return the subject of a letter about some events."""
    if len(events) == 1:
        event = events[0]
        where = f" ({event.alarm.integration})" if event.alarm.integration else ""
        return f"{'Ended' if event.kind == ENDED else 'Alarm'}: {event.alarm.name}{where}"
    raised = sum(event.kind == RAISED for event in events)
    parts = [f"{raised} raised"] * bool(raised) + [f"{len(events) - raised} ended"] * (raised < len(events))
    return f"Alarms of addin-host: {', '.join(parts)}"


def text_of(events: Sequence[AlarmEvent], admin_address: str) -> str:
    """Return the text of a letter about some events."""
    blocks = [_block(event, admin_address) for event in events]
    return "\n\n".join([*blocks, f"All alarms: {admin_address}/admin/alarms/" if admin_address else ""]).rstrip() + "\n"


def _block(event: AlarmEvent, admin_address: str) -> str:
    alarm = event.alarm
    lines = [
        f"{'ENDED' if event.kind == ENDED else alarm.level.value.upper()}: {alarm.name}",
        f"Integration: {alarm.integration}" if alarm.integration else "",
        f"Since: {_instant(alarm.raised_at)}" + (f", until {_instant(alarm.cleared_at)}" if alarm.cleared_at else ""),
    ]
    if event.kind != ENDED:
        lines += [
            f"What happened: {alarm.details}",
            f"Who is affected: {alarm.affected}" if alarm.affected else "",
            f"Next step: {alarm.next_step}" if alarm.next_step else "",
            f"{admin_address}{alarm.link}" if admin_address else "",
        ]
    return "\n".join(line for line in lines if line)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def body_of(event: AlarmEvent, admin_address: str) -> dict[str, Any]:
    """Return what is posted to the webhook (docs: alarms). Instants are ISO 8601 in UTC."""
    alarm = event.alarm
    return {
        "event": event.kind,
        "id": alarm.id,
        "identifier": alarm.identifier,
        "name": alarm.name,
        "level": alarm.level.value,
        "integration": {"id": alarm.integration_id, "name": alarm.integration} if alarm.integration_id else None,
        "instance": alarm.instance,
        "details": alarm.details,
        "affected": alarm.affected,
        "next_step": alarm.next_step,
        "link": f"{admin_address}{alarm.link}" if admin_address else "",
        "raised_at": alarm.raised_at.isoformat(),
        "cleared_at": alarm.cleared_at.isoformat() if alarm.cleared_at else None,
    }


def test_letter() -> tuple[str, str]:
    """Return subject and text of a test message."""
    return "Test message of addin-host", f"{_TEST_WORDS}\n"


def test_body() -> dict[str, Any]:
    """Return what is posted to the webhook as a test."""
    return {"event": TEST, "details": _TEST_WORDS}
