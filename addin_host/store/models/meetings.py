"""The scheduling service: what arrived in equipment mailboxes, the meetings, their rooms, and what is to be sent.

Like the aliases, none of it hangs on the row of an integration. An alias and a conference belong to one meeting.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime

_PENDING = text("state = 'pending'")


class MailboxRow(Model):
    """How far an integration's mailbox was read. `identity` is a hash of what mailbox it is: another one begins anew.

    `begun_at`: since when it is read; what it held before was not sent to us. `fence` rises with every lease; who holds
    an older one commits nothing. `fault` is a domain.mailbox.Fault, blank while all is well; `is_passive`: another
    installation reads the mailbox.
    """

    __tablename__ = "mailbox"

    integration_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    identity: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cursor: Mapped[str] = mapped_column(Text, default="")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    polled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    swept_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fully_swept_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sweep_asked: Mapped[bool] = mapped_column(default=False)
    owned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_passive: Mapped[bool] = mapped_column(default=False)
    waits_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(String(32), default="")
    fault_message: Mapped[str] = mapped_column(String(1000), default="")
    lease_holder: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)


class InboxRow(Model):
    """One thing to look at: a message, an item of the calendar, a meeting that seems gone, one to look at again.

    `origin` is message, calendar, absence or refresh; `state` pending, done, dead or cancelled. `starts_at` is the
    start of its meeting, where known: imminent ones come first. `item_key` is a hash of origin, item and change key.
    """

    __tablename__ = "inbox_item"
    __table_args__ = (
        UniqueConstraint("integration_id", "item_key"),
        Index("ix_inbox_item_pending", "starts_at", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index("ix_inbox_item_finished", "finished_at"),
        Index("ix_inbox_item_state", "integration_id", "state"),
        IDS_ARE_NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    integration_id: Mapped[int]
    item_key: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(16))
    item_id: Mapped[str] = mapped_column(Text)
    change_key: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(String(16), default="")
    uid: Mapped[str] = mapped_column(String(255), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16), default="pending")
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    correlation_id: Mapped[str] = mapped_column(String(36))
    error_code: Mapped[str] = mapped_column(String(50), default="")
    error: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MeetingRow(Model):
    """A meeting by its key, and the newest version of it that was decided on.

    `state` is scheduled, cancelled, rejected or removed (by an administrator). `fingerprint` stands for what an answer
    was sent about: times, pattern and exceptions. `series` is domain.series_record's form of a series, None for a
    single meeting. `horizon_until`: the occurrences up to there have rows. A tombstone has no alias.
    """

    __tablename__ = "meeting"
    __table_args__ = (UniqueConstraint("integration_id", "uid"), IDS_ARE_NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True)
    integration_id: Mapped[int] = mapped_column(index=True)
    uid: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(50), default="")
    sequence: Mapped[int]
    critical_change: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    organizer: Mapped[str] = mapped_column(String(320), default="")
    organizer_name: Mapped[str] = mapped_column(String(250), default="")
    organizer_others: Mapped[list[str]] = mapped_column(JSON, default=list)
    subject: Mapped[str] = mapped_column(String(255), default="")
    item_id: Mapped[str] = mapped_column(Text, default="")
    message_id: Mapped[str] = mapped_column(Text, default="")
    start_time: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    end_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    zone: Mapped[str] = mapped_column(String(100), default="")
    series: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    horizon_until: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    in_calendar: Mapped[bool] = mapped_column(default=False)
    placeholder_tag: Mapped[str] = mapped_column(String(80), default="")
    alias_id: Mapped[int | None] = mapped_column(ForeignKey("scheduled_alias.id", ondelete="SET NULL"), unique=True)
    conference_id: Mapped[int | None] = mapped_column(ForeignKey("conference.id", ondelete="SET NULL"), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecurringConferenceRow(Model):
    """The cursor over the occurrences of a series (design/rest.md 4.2)."""

    __tablename__ = "recurring_conference"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), unique=True)
    conference_id: Mapped[int] = mapped_column(ForeignKey("conference.id", ondelete="CASCADE"), index=True)
    integration_id: Mapped[int] = mapped_column(index=True)
    scheduled_alias_id: Mapped[int | None] = mapped_column(ForeignKey("scheduled_alias.id", ondelete="SET NULL"))
    current_index: Mapped[int] = mapped_column(default=0)
    is_depleted: Mapped[bool] = mapped_column(default=False)
    ews_item_id: Mapped[str] = mapped_column(String(255), default="")
    subject: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScheduledConferenceRow(Model):
    """One meeting or one occurrence: when it takes place, and when its room can be joined, ends included.

    `occurrence` is the original start as `YYYYMMDDTHHMMSSZ`, blank for a single meeting.
    """

    __tablename__ = "scheduled_conference"
    __table_args__ = (UniqueConstraint("meeting_id", "occurrence"), IDS_ARE_NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"))
    conference_id: Mapped[int] = mapped_column(ForeignKey("conference.id", ondelete="CASCADE"), index=True)
    integration_id: Mapped[int]
    recurring_conference_id: Mapped[int | None] = mapped_column(
        ForeignKey("recurring_conference.id", ondelete="CASCADE"), index=True
    )
    scheduled_alias_id: Mapped[int | None] = mapped_column(ForeignKey("scheduled_alias.id", ondelete="SET NULL"))
    occurrence: Mapped[str] = mapped_column(String(16), default="")
    start_time: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    end_time: Mapped[datetime] = mapped_column(UtcDateTime)
    opens_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closes_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    subject: Mapped[str] = mapped_column(String(255), default="")
    ews_item_id: Mapped[str] = mapped_column(String(255), default="")
    ews_item_uid: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboxRow(Model):
    """Something to be sent: a reply, the state of a room, a room's end, instructions in place of a placeholder.

    `kind` is reply, room, room_end or rewrite; `key` is the same for the same thing, so that it is sent once.
    `after_id` is sent first. `attempted_at` is committed before a call that cannot be repeated safely: afterwards it is
    looked for before it is sent again; `attempts` is how often that began and nobody knows how it ended. `payload` is
    taken away when it is done. Of a room, `attempted_at` says that the platform may have it.
    """

    __tablename__ = "outbox_item"
    __table_args__ = (
        Index("ix_outbox_item_pending", "due_at", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index("ix_outbox_item_finished", "finished_at"),
        Index("ix_outbox_item_state", "integration_id", "state"),
        IDS_ARE_NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(250), unique=True)
    integration_id: Mapped[int]
    meeting_id: Mapped[int | None] = mapped_column(ForeignKey("meeting.id", ondelete="SET NULL"), index=True)
    after_id: Mapped[int | None]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    payload_hash: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(16), default="pending")
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    correlation_id: Mapped[str] = mapped_column(String(36))
    error_code: Mapped[str] = mapped_column(String(50), default="")
    error: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SchedulingOperationRow(Model):
    """One step of the history of a meeting: what was fetched, decided, done to the room, answered.

    `transaction_uuid` is the correlation id. `resource_id` is the conference that was made. No subject, PIN or text.
    """

    __tablename__ = "scheduling_operation"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    transaction_uuid: Mapped[str] = mapped_column(String(36), index=True)
    success: Mapped[bool]
    error_code: Mapped[str] = mapped_column(String(50), default="")
    error_description: Mapped[str] = mapped_column(String(250), default="")
    resource_id: Mapped[int | None]
    step: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(50), default="")
    integration_id: Mapped[int] = mapped_column(index=True)
    meeting_id: Mapped[int | None] = mapped_column(index=True)
    meeting_uid: Mapped[str] = mapped_column(String(255), default="")
    occurrence: Mapped[str] = mapped_column(String(16), default="")
    organizer: Mapped[str] = mapped_column(String(320), default="")
    tag_uuid: Mapped[str] = mapped_column(String(36), default="")


class ServiceSignInRow(Model):
    """A sign-in to a service account that is under way (design/scheduling.md section 12); the state by its hash.

    `sealed_code` waits there while the administrator, whose session has ended meanwhile, signs in again.
    """

    __tablename__ = "service_sign_in"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    integration_id: Mapped[int]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    session_hash: Mapped[str] = mapped_column(String(64))
    sealed_verifier: Mapped[str]
    sealed_code: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class DirectorySyncRow(Model):
    """One time the directory was compared with the platform's. `changes` is a list of [kind, name, what happened].

    `state` is running, done, failed or stopped (more would have been removed than is likely to be meant).
    """

    __tablename__ = "directory_sync"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16), default="running")
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    removed: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(String(1000), default="")
    changes: Mapped[list[Any]] = mapped_column(JSON, default=list)
