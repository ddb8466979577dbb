"""The tables of scheduling as statements in bulk use them, past the ORM."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Row, Table

from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    MeetingRow,
    RecurringConferenceRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
    SchedulingOperationRow,
)

MEETING = cast(Table, MeetingRow.__table__)
ALIAS = cast(Table, ScheduledAliasRow.__table__)
CONFERENCE = cast(Table, ConferenceRow.__table__)
CONFERENCE_ALIAS = cast(Table, ConferenceAliasRow.__table__)
OCCURRENCE = cast(Table, ScheduledConferenceRow.__table__)
SERIES = cast(Table, RecurringConferenceRow.__table__)
OPERATION = cast(Table, SchedulingOperationRow.__table__)

AnyRow = Row[*tuple[Any, ...]]
