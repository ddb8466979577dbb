"""Metadata domains as the REST resource `exchange_domain`.

A domain of an integration stands in its record too, so writing one is a change of the integration, judged as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.fields import BY_NAME
from addin_host.domain.ports import TemplateCandidate
from addin_host.domain.rest.connector import EXCHANGE_DOMAIN
from addin_host.domain.rest.incoming import Incoming
from addin_host.domain.text import TemplateProblem
from addin_host.domain.validation import check_fields
from addin_host.flows import audit, integrations, rest_queries
from addin_host.flows.audit import Subject
from addin_host.flows.integrations import Draft
from addin_host.flows.rest_connectors import DOMAINS, existing, judged, show_domain
from addin_host.flows.rest_served import Asking, Served, Writing
from addin_host.store.db import Database
from addin_host.store.models import ExchangeDomainRow

_LABEL = "Domain"


@dataclass(frozen=True, slots=True)
class Ready:
    """A metadata domain as it is to be, and the draft of its integration; None when it is of none."""

    domain: str
    integration_id: int | None
    draft: Draft | None


def show(_session: Session, rows: Sequence[ExchangeDomainRow], _asking: Asking) -> list[dict[str, Any]]:
    """Return metadata domains as answers hold them."""
    return [show_domain(row) for row in rows]


def prepare(database: Database, number: int | None, incoming: Incoming, asking: Asking) -> Ready:
    """Judge what a request sets, and the integration as it will be with it. Raises Refused and Invalid."""
    with database.read() as session:
        row = _row(session, number, asking) if number is not None else None
        domain = str(incoming.values.get("domain", row.domain if row else ""))
        owner = incoming.values.get("exchange_connector", row.integration_id if row else None)
        _require_good(domain)
        if row is not None and row.integration_id not in (None, owner):
            raise _invalid("exchange_connector", "cannot change once it is set. Delete this one and create another.")
        if owner is None:
            _require_reach_of_all(asking.caller)
            return Ready(domain, None, None)
        before = _owner(session, owner, asking)
    entries = list(before.record.get("domains") or [])
    replaced = row.domain if row is not None and row.integration_id == owner else None
    if domain in entries and domain != replaced:
        raise _invalid("domain", "is a domain of this integration already.")
    wanted = [domain if entry == replaced else entry for entry in entries] if replaced else [*entries, domain]
    return Ready(domain, owner, judged({"domains": wanted}, before, asking))


def _row(session: Session, number: int, asking: Asking) -> ExchangeDomainRow:
    found: ExchangeDomainRow = rest_queries.row(session, DOMAINS, number, within=asking.caller.integrations)
    return found


def _owner(session: Session, number: int, asking: Asking) -> integrations.Existing:
    try:
        return existing(session, number, asking)
    except Refused as unknown:
        raise _invalid("exchange_connector", "names an integration that does not exist.") from unknown


def _require_good(domain: str) -> None:
    if not domain.strip():
        raise _invalid("domain", "is missing. Enter a value.")
    for problem in check_fields([BY_NAME["domains"]], {"domains": [domain]}):
        raise _invalid("domain", problem.message)


def _require_reach_of_all(caller: Caller) -> None:
    """A domain of no integration is the whole deployment's."""
    if caller.integrations is not None:
        raise _invalid("exchange_connector", "is missing. Name the integration that the domain is for.")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid([Problem(field, _LABEL if field == "domain" else "Integration", message)])


def save(session: Session, number: int | None, ready: Ready, asking: Asking) -> int:
    """Write a metadata domain, with the integration that it is of, and return its number. Raises Refused, Invalid."""
    row = _row(session, number, asking) if number is not None else None
    before = None if row is None else {"domain": row.domain}
    if row is None:
        row = ExchangeDomainRow(created_at=asking.now)
    row.domain, row.integration_id = ready.domain, ready.integration_id
    session.add(row)
    session.flush()
    if ready.draft is not None:
        _save_owner(session, ready.draft, asking)
    else:
        _note(session, "change" if before else "create", row, asking, before, {"domain": row.domain})
    return row.id


def _save_owner(session: Session, draft: Draft, asking: Asking) -> None:
    # The record is written after the row, so that the row keeps its number.
    integrations.save(session, draft, expected_version=None, caller=asking.caller, box=asking.box, now=asking.now)


def _note(
    session: Session,
    action: str,
    row: ExchangeDomainRow,
    asking: Asking,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
) -> None:
    subject = Subject("exchange domain", row.id, row.domain)
    audit.record(session, asking.caller, action, subject, now=asking.now, before=before, after=after)


def delete(session: Session, number: int, asking: Asking) -> None:
    """Delete a metadata domain, also out of its integration's record. Raises Refused, and Invalid when it is needed."""
    asking.caller.require(Permission.CHANGE_INTEGRATIONS)
    row = _row(session, number, asking)
    if row.integration_id is None:
        session.delete(row)
        _note(session, "delete", row, asking, {"domain": row.domain}, None)
        return
    before = existing(session, row.integration_id, asking)
    wanted = [entry for entry in before.record.get("domains") or [] if entry != row.domain]
    # Nothing but the list of domains differs from a record that was good, so no template has to be tried anew.
    _save_owner(session, _judged_in_place(wanted, before), asking)
    left = session.scalar(select(ExchangeDomainRow).where(ExchangeDomainRow.id == number))
    if left is not None:
        session.delete(left)


def _judged_in_place(wanted: list[str], before: integrations.Existing) -> Draft:
    try:
        return integrations.prepare({"domains": wanted}, before=before, trial=_not_tried)
    except Invalid as needed:
        text = "The integration needs this domain. Give it another one first, or delete the integration."
        raise Refused(Reason.CONFLICT, text) from needed


def _not_tried(candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
    return [None] * len(candidates)


SERVED = Served(EXCHANGE_DOMAIN, DOMAINS, show, Writing(prepare, save, delete))
