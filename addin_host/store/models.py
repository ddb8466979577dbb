"""The tables. Rows stay in flows and store; what crosses a floor is a frozen value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# Deployed manifests name an integration's id, bearers those of users and sessions, caches those of VMRs.
_IDS_ARE_NEVER_REUSED = {"sqlite_autoincrement": True}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC. SQLite has no time zones, so the zone is put back when reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive times: they are a mistake everywhere in this program."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive time cannot be stored")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant with its zone."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Model(DeclarativeBase):
    """Constraint names are fixed, so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class IntegrationRow(Model):
    """One integration. `record` holds the fields of the table as data; what is looked up is repeated as columns."""

    __tablename__ = "integration"
    __table_args__ = _IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)
    room_mailbox_email_address: Mapped[str | None] = mapped_column(String(100), unique=True)
    fqdn: Mapped[str] = mapped_column(String(192), index=True)
    version: Mapped[int] = mapped_column(default=1)
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    icon: Mapped[bytes | None]
    icon_hash: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    secrets: Mapped[list[IntegrationSecretRow]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class IntegrationSecretRow(Model):
    """A sealed secret of one integration."""

    __tablename__ = "integration_secret"

    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str]


class EndUserRow(Model):
    """A person who may have personal VMRs; matched by address once, by subject ever after."""

    __tablename__ = "end_user"
    __table_args__ = _IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    primary_email_address: Mapped[str] = mapped_column(String(100))
    first_name: Mapped[str] = mapped_column(String(250), default="")
    last_name: Mapped[str] = mapped_column(String(250), default="")
    display_name: Mapped[str] = mapped_column(String(250), default="")
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
    """A VMR. `version` rises with every change, so that rendered texts can be kept per version."""

    __tablename__ = "conference"
    __table_args__ = _IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)
    description: Mapped[str] = mapped_column(String(250), default="")
    service_type: Mapped[str] = mapped_column(String(32), default="conference")
    sealed_pin: Mapped[str | None]
    sealed_guest_pin: Mapped[str | None]
    allow_guests: Mapped[bool] = mapped_column(default=False)
    primary_owner_email_address: Mapped[str] = mapped_column(String(100), default="")
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


Index("uq_end_user_address", func.lower(EndUserRow.primary_email_address), unique=True)
Index("ix_conference_owner", func.lower(ConferenceRow.primary_owner_email_address))
Index("uq_conference_alias_alias", func.lower(ConferenceAliasRow.alias), unique=True)


class PendingSignInRow(Model):
    """A sign-in that left for the provider. Keyed by the hash of `state`, taken once, gone after ten minutes."""

    __tablename__ = "pending_signin"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    browser_hash: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    sealed_verifier: Mapped[str]
    pane_hash: Mapped[str] = mapped_column(String(64))
    pane_nonce: Mapped[str] = mapped_column(String(128))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class DialogSessionRow(Model):
    """A person's session in the sign-in dialog (design/outlook.md 4.7), keyed by the hash of its cookie."""

    __tablename__ = "dialog_session"
    __table_args__ = _IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    cookie_hash: Mapped[str] = mapped_column(String(64), unique=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("end_user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SignInResultRow(Model):
    """What a sign-in ended with, waiting for the pane: a session, or the reason of a refusal. Consumed once."""

    __tablename__ = "signin_result"

    pane_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[int | None] = mapped_column(ForeignKey("dialog_session.id", ondelete="CASCADE"))
    refusal: Mapped[str] = mapped_column(String(1000), default="")
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class PlatformSettingRow(Model):
    """A setting of the deployment that differs from its default."""

    __tablename__ = "platform_setting"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]
