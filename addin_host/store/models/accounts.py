"""Administrators, their sessions, and the credentials of programs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime


class AccountRow(Model):
    """An administrator. `integrations` names the ids that an integration administrator reaches.

    Without a password hash only OpenID Connect, or a set-up link, lets the person in. `recovery_hashes` are SHA-256.
    """

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("oidc_issuer", "oidc_subject"), IDS_ARE_NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(150))
    display_name: Mapped[str] = mapped_column(String(250), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    role: Mapped[str] = mapped_column(String(32))
    integrations: Mapped[list[int]] = mapped_column(JSON, default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(String(250))
    sealed_totp: Mapped[str | None]
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    recovery_hashes: Mapped[list[str]] = mapped_column(JSON, default=list)
    oidc_issuer: Mapped[str | None] = mapped_column(String(255))
    oidc_subject: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AdminSessionRow(Model):
    """An administrator's session in a browser, keyed by the hash of its cookie.

    `stage` is `full`, or `second_factor` while the one-time code is still missing. `confirmed_at` is when the person
    last proved who they are.
    """

    __tablename__ = "admin_session"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    cookie_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    stage: Mapped[str] = mapped_column(String(16), default="full")
    network: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(250))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class AdminSignInRow(Model):
    """An administrator's OpenID Connect sign-in that left for the provider; taken once."""

    __tablename__ = "admin_signin"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    sealed_verifier: Mapped[str]
    next_path: Mapped[str] = mapped_column(String(1000))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SetupLinkRow(Model):
    """A one-time link: for the first administrator (no account), or to choose a password."""

    __tablename__ = "setup_link"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class FailureRow(Model):
    """Failed attempts to get in, per account or network (security.md S3). `key` is such as `net:192.0.2.0/24`."""

    __tablename__ = "failure"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    number: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiUserRow(Model):
    """A program that may use the REST API. The token is random and kept as SHA-256."""

    __tablename__ = "api_user"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(150))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(32))
    integrations: Mapped[list[int]] = mapped_column(JSON, default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(250), default="")
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


Index("uq_account_name", func.lower(AccountRow.name), unique=True)
Index("uq_api_user_name", func.lower(ApiUserRow.name), unique=True)
