"""The directory: people, and the VMRs they own.

Migration 0003 adds what models cannot say: the search index (directory_index.py) and, on SQLite, its triggers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, false, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime


class EndUserRow(Model):
    """A person who may have personal VMRs; matched by address once, by subject ever after."""

    __tablename__ = "end_user"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    primary_email_address: Mapped[str] = mapped_column(String(100))
    first_name: Mapped[str] = mapped_column(String(250), default="")
    last_name: Mapped[str] = mapped_column(String(250), default="")
    display_name: Mapped[str] = mapped_column(String(250), default="")
    telephone_number: Mapped[str] = mapped_column(String(100), default="")
    mobile_number: Mapped[str] = mapped_column(String(100), default="")
    title: Mapped[str] = mapped_column(String(128), default="")
    department: Mapped[str] = mapped_column(String(100), default="")
    avatar_url: Mapped[str] = mapped_column(String(255), default="")
    description: Mapped[str] = mapped_column(String(250), default="")
    user_groups: Mapped[list[str]] = mapped_column(JSON, default=list)
    user_oid: Mapped[str | None] = mapped_column(String(255))
    exchange_user_id: Mapped[str | None] = mapped_column(String(255))
    ms_exchange_guid: Mapped[str | None] = mapped_column(String(255))
    sync_tag: Mapped[str] = mapped_column(String(250), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UserSubjectRow(Model):
    """The immutable identity of a user on one path (design/outlook.md 4.6)."""

    __tablename__ = "user_subject"
    __table_args__ = (UniqueConstraint("user_id", "path"), UniqueConstraint("path", "issuer", "subject"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("end_user.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(32))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConferenceRow(Model):
    """A VMR. `version` rises with every change, so that rendered texts can be kept per version.

    `extra` keeps the attributes that other programs sent and this one does not use. The lists that a VMR refers to are
    small and kept by flows/references.py, which refuses to delete what is in use. A scheduled one belongs to a meeting
    (models/meetings.py), not to a person; `sync_tag` names the platform that a VMR was read from.
    """

    __tablename__ = "conference"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)
    description: Mapped[str] = mapped_column(String(250), default="")
    service_type: Mapped[str] = mapped_column(String(32), default="conference")
    sealed_pin: Mapped[str | None]
    sealed_guest_pin: Mapped[str | None]
    allow_guests: Mapped[bool] = mapped_column(default=False)
    primary_owner_email_address: Mapped[str] = mapped_column(String(100), default="")
    tag: Mapped[str] = mapped_column(String(250), default="")
    participant_limit: Mapped[int | None]
    non_idp_participants: Mapped[str] = mapped_column(String(32), default="disallow_all")
    host_identity_provider_group_id: Mapped[int | None]
    guest_identity_provider_group_id: Mapped[int | None]
    ivr_theme_id: Mapped[int | None]
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    is_scheduled: Mapped[bool] = mapped_column(default=False, server_default=false())
    sync_tag: Mapped[str] = mapped_column(String(250), default="", server_default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    aliases: Mapped[list[ConferenceAliasRow]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ConferenceAliasRow.view_order"
    )


class ConferenceAliasRow(Model):
    """One address of a VMR; unique over all of them, whatever the case of its letters."""

    __tablename__ = "conference_alias"

    id: Mapped[int] = mapped_column(primary_key=True)
    conference_id: Mapped[int] = mapped_column(ForeignKey("conference.id", ondelete="CASCADE"), index=True)
    alias: Mapped[str] = mapped_column(String(250))
    view_order: Mapped[int] = mapped_column(default=0)
    description: Mapped[str] = mapped_column(String(250), default="")
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IvrThemeRow(Model):
    """A theme of the conference platform, by name."""

    __tablename__ = "ivr_theme"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class IdentityProviderGroupRow(Model):
    """A group of identity providers of the conference platform, by name."""

    __tablename__ = "identity_provider_group"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class ImportJobRow(Model):
    """A file that an administrator handed in for the directory: examined, then imported in the background.

    `state` is examining, preview, waiting, running, done, failed or cancelled; `content` is sealed, since it may hold
    PINs, and taken away when the job ends. `report` holds rows at fault as [row, column, message].
    """

    __tablename__ = "import_job"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    filename: Mapped[str] = mapped_column(String(250))
    state: Mapped[str] = mapped_column(String(16))
    sealed_content: Mapped[str | None]
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    preview: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    report: Mapped[list[Any]] = mapped_column(JSON, default=list)
    message: Mapped[str] = mapped_column(String(1000), default="")
    done_records: Mapped[int] = mapped_column(default=0)
    all_records: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


Index("uq_end_user_address", func.lower(EndUserRow.primary_email_address), unique=True)
Index("ix_conference_name", func.lower(ConferenceRow.name), ConferenceRow.id)
Index("ix_conference_owner", func.lower(ConferenceRow.primary_owner_email_address))
Index("uq_conference_alias_alias", func.lower(ConferenceAliasRow.alias), unique=True)
