"""The live preview: keeps the form as it is being typed, and fills its texts with samples or with a real VMR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from addin_host.domain import preview
from addin_host.domain.alias import sort_aliases
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.fields import FIELDS
from addin_host.domain.integration import Integration
from addin_host.domain.ports import RenderedText, TemplateRendering
from addin_host.flows.icons import default_icon, icon_hash
from addin_host.flows.personal_vmrs import NO_ALIAS
from addin_host.flows.pkce import digest, new_secret
from addin_host.store.models import ConferenceRow, IntegrationRow, PreviewDraftRow

KEPT_FOR = timedelta(minutes=30)
MOST_DRAFTS = 20  # of one account: as many forms as somebody may have open
_EMPTY = RenderedText()


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as it is being typed. `integration` is what it would be if it were saved; nothing of it is checked."""

    token: str
    integration: Integration
    icon: bytes | None

    @property
    def record(self) -> Mapping[str, Any]:
        """The fields, without secrets."""
        return self.integration.values


def keep_draft(
    session: Session,
    record: Mapping[str, Any],
    *,
    account_id: int,
    integration_id: int | None,
    token: str = "",
    now: datetime,
) -> str:
    """Keep a form for half an hour and return its token: the given one while it is this account's and alive."""
    session.execute(delete(PreviewDraftRow).where(PreviewDraftRow.expires_at <= now))
    row = _row(session, token, account_id, now) if token else None
    if row is None or row.integration_id != integration_id:
        _forget_oldest(session, account_id)
        token = new_secret()
        row = PreviewDraftRow(token_hash=digest(token), account_id=account_id, integration_id=integration_id)
        session.add(row)
    row.record, row.expires_at = preview.shortened(record), now + KEPT_FOR
    return token


def _forget_oldest(session: Session, account_id: int) -> None:
    own = select(PreviewDraftRow.token_hash).where(PreviewDraftRow.account_id == account_id)
    beyond = session.scalars(own.order_by(PreviewDraftRow.expires_at.desc()).offset(MOST_DRAFTS - 1)).all()
    session.execute(delete(PreviewDraftRow).where(PreviewDraftRow.token_hash.in_(beyond)))


def find_draft(session: Session, token: str, *, account_id: int, deployment: Deployment, now: datetime) -> Draft:
    """Return a draft of this account. Raises Refused, whether it is another's, over, or never was."""
    row = _row(session, token, account_id, now)
    if row is None:
        raise Refused(Reason.UNKNOWN, "This preview is over. Go back to the form; it makes a new one.")
    stored = session.get(IntegrationRow, row.integration_id) if row.integration_id else None
    return _draft(token, row, stored, deployment)


def _row(session: Session, token: str, account_id: int, now: datetime) -> PreviewDraftRow | None:
    row = session.get(PreviewDraftRow, digest(token))
    return row if row is not None and row.account_id == account_id and row.expires_at > now else None


def _draft(token: str, row: PreviewDraftRow, stored: IntegrationRow | None, deployment: Deployment) -> Draft:
    values = {field.name: row.record.get(field.name, field.default) for field in FIELDS if not field.is_secret}
    integration = Integration(
        id=row.integration_id or 0,
        version=stored.version if stored else 0,
        values=values,
        origin=deployment.origin.format(fqdn=str(values["addin_server_domain"] or "").lower()),
        icon_hash=(stored.icon_hash if stored else "") or icon_hash(default_icon()),
    )
    return Draft(token, integration, stored.icon if stored else None)


@dataclass(frozen=True, slots=True)
class Filling:
    """What the texts are filled with: one of preview.SAMPLES, and the values of a VMR of the directory or None."""

    sample: str = "usual"
    vmr: Mapping[str, Any] | None = None


def vmr_values(session: Session, uuid: str) -> dict[str, Any] | None:
    """Return what templates may print of a VMR, its PINs replaced; None when there is no such VMR."""
    row = session.scalar(select(ConferenceRow).where(ConferenceRow.uuid == uuid))
    if row is None:
        return None
    aliases = sort_aliases([alias.alias for alias in row.aliases])
    return {
        "name": row.name,
        "description": row.description,
        "service_type": row.service_type,
        "allow_guests": row.allow_guests,
        "owners_email": row.primary_owner_email_address,
        "pin": preview.PIN_OF_A_REAL_VMR if row.sealed_pin else "",
        "guest_pin": preview.PIN_OF_A_REAL_VMR if row.sealed_guest_pin else "",
        "aliases": list(aliases.all),
        "domain_aliases": list(aliases.domain),
        "numeric_aliases": list(aliases.numeric),
        "other_aliases": list(aliases.other),
    }


def rendered_texts(
    draft: Draft, names: Sequence[str], filling: Filling, *, rendering: TemplateRendering
) -> dict[str, RenderedText]:
    """Return what the named texts of a draft become, blank ones without asking anybody."""
    record = draft.record
    texts = {
        name: preview.unsaved(
            name, record, preview.values_for(preview.TEXTS[name], filling.sample, record, filling.vmr)
        )
        for name in names
        if record.get(name)
    }
    made = dict(zip(texts, rendering(list(texts.values())), strict=True)) if texts else {}
    return {name: made.get(name, _EMPTY) for name in names}


def rendered_vmrs(draft: Draft, count: int, filling: Filling, *, rendering: TemplateRendering) -> list[dict[str, Any]]:
    """Return the sample person's VMRs as the pane gets them; a text that fails says why in its own place."""
    vmrs = preview.vmrs_for(count, filling.sample, draft.record, filling.vmr)
    texts = [preview.unsaved(name, draft.record, values) for values in vmrs for name in preview.VMR_PARTS.values()]
    made = iter(rendering(texts)) if texts else iter(())
    return [_vmr(at, values, {part: next(made) for part in preview.VMR_PARTS}) for at, values in enumerate(vmrs)]


def rendered_meeting(draft: Draft, filling: Filling, *, rendering: TemplateRendering) -> dict[str, Any]:
    """Return what the pane gets for a single-use VMR: its `details`, and the `placeholder` while the server is away."""
    made = rendered_texts(draft, preview.MEETING_TEXTS, filling, rendering=rendering)
    instructions, location, placeholder = (_shown(made[name]) for name in preview.MEETING_TEXTS)
    field = preview.TEXTS[preview.MEETING_TEXTS[0]]
    values = preview.values_for(field, filling.sample, draft.record, None)
    tag, tok = values["alias_uuid"], preview.PLACEHOLDER_TAG
    who = {
        "room_name": draft.record["room_mailbox_name"] or _MAILBOX[0],
        "room_email": draft.record["room_mailbox_email_address"] or _MAILBOX[1],
    }
    details = _text(instructions) | who | {"alias_id": tag, "location": location[1]}
    details |= {name: values[name] for name in ("alias", "numeric_alias")}
    promised = (f"{placeholder[0]}\n<div>{tok}</div>", f"{placeholder[1]}\n{tok}")
    return {"details": details, "placeholder": _text(promised) | who | {"tok": tok}}


_MAILBOX = ("Video meeting", "video@example.com")


def _shown(text: RenderedText) -> tuple[str, str]:
    """Return a text as HTML and plain; one that fails says why in its own place."""
    plain = f"[{text.problem}]" if text.problem else text.plain
    return text.html or escape(plain), plain


def _text(shown: tuple[str, str]) -> dict[str, str]:
    return {"instructions": shown[0], "instructions_text": shown[1]}


def _vmr(number: int, values: Mapping[str, Any], parts: Mapping[str, RenderedText]) -> dict[str, Any]:
    shown = {part: f"[{text.problem}]" if text.problem else text.plain for part, text in parts.items()}
    alias = sort_aliases(values["aliases"]).preferred
    return {
        "id": number + 1,
        **shown,
        "name": shown["name"] or values["name"],
        "instructions": parts["instructions"].html or escape(shown["instructions"]),
        "instructions_text": shown["instructions"],
        "alias": alias,
        "usable": bool(alias),
        "reason": "" if alias else NO_ALIAS,
    }
