"""People signing in from the pane."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from addin_host.store.models.declared import IDS_ARE_NEVER_REUSED, Model, UtcDateTime


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
    __table_args__ = IDS_ARE_NEVER_REUSED

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
