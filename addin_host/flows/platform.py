"""The settings of the deployment that are kept in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.platform import (
    PLATFORM_BY_NAME,
    PLATFORM_FIELDS,
    PlatformSettings,
    check_platform,
    from_text,
    platform_defaults,
    to_text,
)
from addin_host.domain.receivers import moved_secrets
from addin_host.domain.rooms import PlatformAddress
from addin_host.flows import audit
from addin_host.flows.admin_sessions import Lifetime
from addin_host.flows.audit import Subject
from addin_host.store import marks
from addin_host.store.db import Database
from addin_host.store.models import PlatformSettingRow
from addin_host.store.secrets import SecretBox

_VERSION = "platform_version"
_SENT_TO: Mapping[str, str] = {
    "oidc_client_secret": "oidc_issuer",
    "smtp_password": "smtp_host",
    "platform_password": "platform_url",
}
_ALL = "SELECT name, value FROM platform_setting"
_ADMIN_ADDRESS = "SELECT value FROM platform_setting WHERE name = 'admin_address'"


def read(session: Session) -> PlatformSettings:
    """Return the settings, defaults where nothing was stored."""
    stored = {row.name: row.value for row in session.scalars(select(PlatformSettingRow))}
    values, secrets = platform_defaults(), set()
    for name, text in stored.items():
        field = PLATFORM_BY_NAME.get(name)
        if field is not None and field.is_secret:
            secrets.add(name)
        elif field is not None:
            values[name] = from_text(field, text)
    return PlatformSettings(values, frozenset(secrets))


def numbers(database: Database, names: Collection[str]) -> Mapping[str, int]:
    """Return some settings that are whole numbers, at what one narrow read costs: few are not at their default."""
    stored = {name: int(text) for name, text in database.rows(_ALL) if name in names}
    return {name: int(str(PLATFORM_BY_NAME[name].default)) for name in names} | stored


def version(session: Session) -> int:
    """Return a number that rises with every change."""
    return int(marks.value(session, _VERSION, "0"))


def change(
    session: Session,
    changes: Mapping[str, Any],
    *,
    box: SecretBox,
    caller: Caller,
    now: datetime,
    expected_version: int | None = None,
) -> PlatformSettings:
    """Store new values and return all settings. A secret of "" is cleared, one of None is kept.

    `expected_version` is the one that the editor has seen. A secret whose receiver changes is cleared, unless it is
    given anew. Raises Invalid, and Refused when somebody saved meanwhile.
    """
    caller.require(Permission.CHANGE_SETTINGS)
    mark = marks.locked(session, _VERSION, "0")
    if expected_version not in (None, int(mark.value)):
        raise Refused(
            Reason.CONFLICT, "Somebody saved these settings meanwhile. Load the page again, then change them."
        )
    before = read(session)
    given = {name: value for name, value in changes.items() if value is not None}
    moved = moved_secrets(_SENT_TO, before.values, {**before.values, **given}) & before.secrets_set
    given = dict.fromkeys(moved, "") | given
    cleared = {name for name, value in given.items() if name in before.secrets_set and value == ""}
    check_platform({**before.values, **given}, secrets_set=before.secrets_set - cleared)
    for name, value in given.items():
        _store(session, name, value, box)
    mark.value = str(int(mark.value) + 1)
    session.flush()
    after = read(session)
    subject = Subject("platform settings", "", "Platform settings")
    audit.record(session, caller, "change", subject, now=now, before=_shown(before, {}), after=_shown(after, given))
    return after


def _store(session: Session, name: str, value: Any, box: SecretBox) -> None:
    field = PLATFORM_BY_NAME[name]
    row = session.get(PlatformSettingRow, name)
    if value == field.default:
        if row is not None:
            session.delete(row)
        return
    text = box.seal(_place(name), str(value)) if field.is_secret else to_text(value)
    session.merge(PlatformSettingRow(name=name, value=text))


def _shown(settings: PlatformSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    secrets = {field.name for field in PLATFORM_FIELDS if field.is_secret}
    words = {name: "set anew" if given.get(name) else "set" for name in settings.secrets_set & secrets}
    return {**settings.values, **words}


def secret(session: Session, name: str, *, box: SecretBox) -> str:
    """Return one secret setting in clear, or "" when it is not set. Raises Misconfigured when it cannot be opened."""
    row = session.get(PlatformSettingRow, name)
    return opened(name, row.value if row else "", box=box)


def opened(name: str, sealed: str, *, box: SecretBox) -> str:
    """Return a secret setting, as it is stored, in clear. Raises Misconfigured when it cannot be opened."""
    return box.open(_place(name), sealed) if sealed else ""


def management_api(session: Session, *, box: SecretBox) -> PlatformAddress:
    """Return where the management API is, and its user. Raises Misconfigured when the password cannot be opened."""
    settings = read(session)
    return PlatformAddress(
        url=settings["platform_url"],
        username=settings["platform_username"],
        password=secret(session, "platform_password", box=box),
        internal=settings["platform_internal"],
        ca_bundle=settings["platform_ca_bundle"],
        web_proxy=settings["web_proxy"],
    )


def _place(name: str) -> str:
    return f"platform:{name}"


def admin_lifetime(session: Session) -> Lifetime:
    """Return how long sessions of administrators last."""
    settings = read(session)
    return Lifetime(
        timedelta(minutes=settings["admin_session_idle_minutes"]), timedelta(hours=settings["admin_session_hours"])
    )


def admin_host(database: Database) -> str:
    """Return the host name of the administrators' pages, or "" when no address is set."""
    row = database.row(_ADMIN_ADDRESS)
    return (urlsplit(row[0]).hostname or "") if row else ""


def web_proxy(database: Database) -> str:
    """Return the web proxy of the moment, or ""."""
    with database.read() as session:
        return str(read(session)["web_proxy"])
