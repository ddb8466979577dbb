"""Single-use VMRs: the aliases that were handed out, and the keys that sign the tags of meetings.

Nothing here hangs on the row of an integration: a meeting that was booked is kept when its integration is deleted, and
ids of integrations are never reused.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime


class TagKeyRow(Model):
    """A key that tags are signed with (design/scheduling.md 6.1). The highest id signs; all of them verify."""

    __tablename__ = "tag_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScheduledAliasRow(Model):
    """An alias that was handed out for one meeting (design/scheduling.md section 7).

    `uuid` is what its tag says. `caller` stands for the person it was given to, `visit` for the pane that asked.
    `conference_deletion_time` begins its quarantine. A row whose number was given back (`released_at`) stays as a
    tombstone, and the number may be drawn again.
    """

    __tablename__ = "scheduled_alias"
    __table_args__ = (
        Index("ix_scheduled_alias_asked", "integration_id", "created_at"),
        Index("ix_scheduled_alias_asked_by", "caller", "created_at"),
        IDS_ARE_NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    integration_id: Mapped[int]
    alias: Mapped[str] = mapped_column(String(250))
    numeric_alias: Mapped[str] = mapped_column(String(250))
    alias_number: Mapped[int] = mapped_column(BigInteger)
    is_used: Mapped[bool] = mapped_column(default=False)
    ews_item_uid: Mapped[str | None] = mapped_column(String(255))
    caller: Mapped[str] = mapped_column(String(64))
    visit: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    conference_deletion_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


_TAKEN = text("released_at IS NULL")
for _name, _column in (("alias", ScheduledAliasRow.alias), ("number", ScheduledAliasRow.numeric_alias)):
    Index(
        f"uq_scheduled_alias_{_name}",
        func.lower(_column),
        unique=True,
        sqlite_where=_TAKEN,
        postgresql_where=_TAKEN,
    )


class SeenTokenRow(Model):
    """An identity token that was exchanged for a bearer, by its hash, and the network it came from first."""

    __tablename__ = "seen_token"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    integration_id: Mapped[int]
    network: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
