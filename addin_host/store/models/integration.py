"""Integrations, their secrets, and what administrators made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime


class IntegrationRow(Model):
    """One integration. `record` holds the fields of the table as data; what is looked up is repeated as columns."""

    __tablename__ = "integration"
    __table_args__ = IDS_ARE_NEVER_REUSED

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


class ExchangeDomainRow(Model):
    """One source of Exchange metadata. Its integration's record repeats the text; REST clients know the id."""

    __tablename__ = "exchange_domain"
    __table_args__ = (UniqueConstraint("integration_id", "domain"), IDS_ARE_NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True)
    integration_id: Mapped[int | None] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(String(192))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ManifestDownloadRow(Model):
    """The manifest that an administrator downloaded last, to tell what has changed since."""

    __tablename__ = "manifest_download"

    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"), primary_key=True)
    downloaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    downloaded_by: Mapped[str] = mapped_column(String(250))
    version: Mapped[int]
    manifest: Mapped[str]


class PreviewDraftRow(Model):
    """A form as it is being typed, for the frames of the live preview. Keyed by its token's hash; no secrets."""

    __tablename__ = "preview_draft"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    integration_id: Mapped[int | None] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class UsageRow(Model):
    """How often something happened on one day (UTC) at one integration: `kind` is signin, refusal or insertion."""

    __tablename__ = "usage"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    number: Mapped[int] = mapped_column(default=0)
