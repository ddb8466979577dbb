"""What is not per integration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime


class PlatformSettingRow(Model):
    """A setting of the deployment that differs from its default; a secret one is sealed."""

    __tablename__ = "platform_setting"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]


class MarkRow(Model):
    """A note of the program about the database: that it is the demo's, who holds a lease, the head of a chain."""

    __tablename__ = "mark"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]


class AuditRow(Model):
    """One entry of the audit log. `hash` covers every column and the hash of the entry before (security.md B1)."""

    __tablename__ = "audit"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(250), index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    network: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    object_kind: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(64))
    object_name: Mapped[str] = mapped_column(String(250))
    integration_id: Mapped[int | None] = mapped_column(index=True)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    correlation_id: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class AlarmRow(Model):
    """Something that an administrator should know. `open_key` is set while it stands: it is raised only once."""

    __tablename__ = "alarm"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    identifier: Mapped[str] = mapped_column(String(64))
    open_key: Mapped[str | None] = mapped_column(String(250), unique=True)
    name: Mapped[str] = mapped_column(String(250))
    level: Mapped[str] = mapped_column(String(16))
    integration_id: Mapped[int | None] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"), index=True)
    instance: Mapped[str] = mapped_column(String(250), default="")
    details: Mapped[str] = mapped_column(String(8096))
    next_step: Mapped[str] = mapped_column(String(1000), default="")
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str] = mapped_column(String(250), default="")
    notified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CheckRunRow(Model):
    """One run of an integration's checks; `finished_at` is empty while it runs. `results` is a list of CheckResult."""

    __tablename__ = "check_run"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(250))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    results: Mapped[list[Any]] = mapped_column(JSON, default=list)


class IdempotencyRow(Model):
    """What a REST request with an Idempotency-Key was answered, so that a repeated one is not carried out again."""

    __tablename__ = "idempotency"

    api_user_id: Mapped[int] = mapped_column(ForeignKey("api_user.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    location: Mapped[str] = mapped_column(String(250))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class RequestCountRow(Model):
    """How many requests somebody made in one window; `window` is the number of the window since 1970."""

    __tablename__ = "request_count"

    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(default=0)
