"""The stored sign-in of the service account: what a save does to it, and the alarm that it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain import service_account
from addin_host.domain.alarms import Level
from addin_host.flows import alarms
from addin_host.store.models import IntegrationRow, IntegrationSecretRow

REFRESH_TOKEN = "oauth_refresh_token"  # noqa: S105 - the name of the field
ALARM = "service_account_signin_required"


def settle(
    session: Session, row: IntegrationRow, before: Mapping[str, Any] | None, *, was_given: bool, now: datetime
) -> bool:
    """Drop a sign-in that a change has ended, and raise or end the alarm; return whether one was dropped.

    It ends with another account, application or token endpoint, and when the account is not used any more. One that was
    given with this very save (`was_given`) holds for it.
    """
    is_used = service_account.is_used(row.record)
    is_same = before is not None and _signed_in(before) == _signed_in(row.record)
    stored = next((secret for secret in row.secrets if secret.field == REFRESH_TOKEN), None)
    dropped = stored is not None and not was_given and not (is_used and is_same)
    if stored is not None and dropped:
        row.secrets.remove(stored)
        session.flush()
    if not is_used or (stored is not None and not dropped):
        end_alarm(session, row.id, now=now)
    elif row.record.get("enabled", True):
        raise_alarm(session, row.id, "It has not signed in with these settings yet.", now=now)
    return dropped


def find_token(session: Session, integration_id: int, *, locked: bool = False) -> IntegrationSecretRow | None:
    """Return the row of the refresh token, if the account has signed in."""
    return session.get(IntegrationSecretRow, (integration_id, REFRESH_TOKEN), with_for_update=locked)


def raise_alarm(session: Session, integration_id: int, details: str, *, now: datetime) -> None:
    """Say that the service account has to sign in."""
    alarms.raise_(
        session,
        ALARM,
        integration_id=integration_id,
        level=Level.ERROR,
        details=details,
        next_step=service_account.SIGN_IN_NEEDED,
        now=now,
    )


def end_alarm(session: Session, integration_id: int, *, now: datetime) -> None:
    """End that alarm."""
    alarms.clear(session, ALARM, integration_id=integration_id, now=now)


def _signed_in(record: Mapping[str, Any]) -> tuple[bool, tuple[str, ...]]:
    return service_account.is_used(record), service_account.signed_in_with(record)
