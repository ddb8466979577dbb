"""Integrations as the REST resource `ms_exchange_connector`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.fields import BY_NAME, FIELDS, Field, is_blank
from addin_host.domain.rest.catalogue import BY_RESOURCE
from addin_host.domain.rest.connector import CONNECTOR, EXCHANGE_DOMAIN
from addin_host.domain.rest.incoming import Incoming, secret_names
from addin_host.domain.rest.queries import instant_text
from addin_host.domain.rest.resource import Attribute, Kind
from addin_host.flows import integrations, rest_queries
from addin_host.flows.integrations import Draft, Existing
from addin_host.flows.rest_queries import Expression, Relation, Table
from addin_host.flows.rest_served import Asking, Served, Writing
from addin_host.store.db import Database
from addin_host.store.models import ExchangeDomainRow, IdentityProviderGroupRow, IntegrationRow, IvrThemeRow

_SECRETS = secret_names(CONNECTOR)
# Secrets that no form shows, but that a program may bring along from another installation.
_OF_THE_SYSTEM = frozenset(name for name in _SECRETS if not BY_NAME[name].is_editable)
_TWICE = "Two requests gave the same name, mailbox or UUID at once. Read the list, then try again."
_UNIQUE = ("name", "uuid", "room_mailbox_email_address")


@dataclass(frozen=True, slots=True)
class Ready:
    """A record that was found good, and the numbers of the metadata domains that it refers to."""

    draft: Draft
    domains: tuple[int, ...] = ()


def _column(field: Field) -> Expression:
    """Return the value of a field in SQL; a row that is older than the field has the default."""
    if field.name in ("uuid", "name"):
        column: Expression = getattr(IntegrationRow, field.name)
        return column
    value = IntegrationRow.record[field.name]
    if field.kind == "bool":
        return func.coalesce(value.as_boolean(), field.default)
    if field.kind in ("int", "reference"):
        number: Expression = value.as_integer()
        return number
    text: Expression = value.as_string()
    return text if field.nullable_in_rest_api else func.coalesce(text, field.default or "")


def _columns() -> dict[str, Expression]:
    shown = (field for field in FIELDS if not field.is_secret and field.kind != "image")
    return {"id": IntegrationRow.id, "resource_id": IntegrationRow.id} | {f.name: _column(f) for f in shown}


def _list_table(row: type[Any]) -> Table:
    return Table(row, {"id": row.id, "name": row.name})


TABLE: Table = Table(
    IntegrationRow,
    _columns(),
    related={
        "ivr_theme": Relation(
            lambda: _list_table(IvrThemeRow), IvrThemeRow.id, IntegrationRow.record["ivr_theme"].as_integer()
        ),
        "host_identity_provider_group": Relation(
            lambda: _list_table(IdentityProviderGroupRow),
            IdentityProviderGroupRow.id,
            IntegrationRow.record["host_identity_provider_group"].as_integer(),
        ),
        "domains": Relation(lambda: DOMAINS, ExchangeDomainRow.integration_id, IntegrationRow.id),
    },
    integration=IntegrationRow.id,
)
DOMAINS: Table = Table(
    ExchangeDomainRow,
    {
        "id": ExchangeDomainRow.id,
        "domain": ExchangeDomainRow.domain,
        "exchange_connector": ExchangeDomainRow.integration_id,
        "creation_time": ExchangeDomainRow.created_at,
    },
    related={"exchange_connector": Relation(lambda: TABLE, IntegrationRow.id, ExchangeDomainRow.integration_id)},
    integration=ExchangeDomainRow.integration_id,
)


def show(session: Session, rows: Sequence[IntegrationRow], _asking: Asking) -> list[dict[str, Any]]:
    """Return integrations as answers hold them, without any secret."""
    ids = [row.id for row in rows]
    by_integration: dict[int | None, dict[str, ExchangeDomainRow]] = {number: {} for number in ids}
    for domain in session.scalars(select(ExchangeDomainRow).where(ExchangeDomainRow.integration_id.in_(ids))):
        by_integration[domain.integration_id][domain.domain] = domain
    return [_shown(row, by_integration[row.id]) for row in rows]


def _shown(row: IntegrationRow, domains: Mapping[str, ExchangeDomainRow]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": row.id, "resource_id": row.id, "resource_uri": CONNECTOR.uri(row.id)}
    for attribute in CONNECTOR.attributes:
        if attribute.is_shown and attribute.name not in found:
            stored = row.record.get(attribute.name, BY_NAME[attribute.name].default)
            found[attribute.name] = _value(attribute, stored)
    if isinstance(found["domains"], list):
        found["domains"] = [show_domain(domains[text]) for text in found["domains"] if text in domains]
    return found


def _value(attribute: Attribute, stored: Any) -> Any:
    if attribute.kind is Kind.REFERENCE:
        return BY_RESOURCE[attribute.refers_to].uri(stored) if isinstance(stored, int) else None
    if attribute.kind is Kind.TEXT and not stored:
        return None if attribute.nullable else ""
    return stored


def show_domain(row: ExchangeDomainRow) -> dict[str, Any]:
    """Return a metadata domain as answers hold it, by itself and within its integration."""
    return {
        "id": row.id,
        "resource_uri": EXCHANGE_DOMAIN.uri(row.id),
        "domain": row.domain,
        "exchange_connector": None if row.integration_id is None else CONNECTOR.uri(row.integration_id),
        "creation_time": instant_text(row.created_at),
    }


def prepare(database: Database, number: int | None, incoming: Incoming, asking: Asking) -> Ready:
    """Judge what a request sets, with the form's own rules. Raises Refused and Invalid."""
    submitted = dict(incoming.values)
    with database.read() as session:
        before = existing(session, number, asking) if number is not None else None
        wanted = _resolve_domains(session, submitted, before, asking)
        _require_unique(session, submitted, before)
    return Ready(judged(submitted, before, asking), wanted)


def existing(session: Session, number: int, asking: Asking) -> Existing:
    """Return what is stored of an integration that the caller reaches. Raises Refused."""
    return integrations.existing_of(rest_queries.row(session, TABLE, number, within=asking.caller.integrations))


def judged(submitted: Mapping[str, Any], before: Existing | None, asking: Asking) -> Draft:
    """Return the draft of a record; a secret that was sent empty is cleared. Raises Invalid."""
    cleared = frozenset(name for name in _SECRETS & submitted.keys() if is_blank(submitted[name]))
    draft = integrations.prepare(submitted, before=before, trial=asking.trial, cleared=cleared)
    brought = {name: submitted[name] for name in _OF_THE_SYSTEM & submitted.keys() if submitted[name]}
    return replace(draft, secrets={**draft.secrets, **brought}) if brought else draft


def _resolve_domains(
    session: Session, submitted: dict[str, Any], before: Existing | None, asking: Asking
) -> tuple[int, ...]:
    """Put texts in the place of the metadata domains that are named by number; return these numbers."""
    entries = submitted.get("domains")
    if not entries:
        return ()
    numbers = [entry for entry in entries if isinstance(entry, int)]
    rows = session.scalars(select(ExchangeDomainRow).where(ExchangeDomainRow.id.in_(numbers)))
    known = {row.id: row.domain for row in rows if _may_take(row, before, asking)}
    if any(number not in known for number in numbers):
        text = "names an exchange_domain that does not exist, or belongs to another integration."
        raise Invalid([Problem("domains", BY_NAME["domains"].label, text)])
    submitted["domains"] = [_domain_text(entry, known) for entry in entries]
    return tuple(numbers)


def _may_take(row: ExchangeDomainRow, before: Existing | None, asking: Asking) -> bool:
    if row.integration_id is None:
        return asking.caller.integrations is None
    return before is not None and row.integration_id == before.id


def _domain_text(entry: Any, known: Mapping[int, str]) -> Any:
    if isinstance(entry, int):
        return known[entry]
    return entry.get("domain") if isinstance(entry, Mapping) else entry


def _require_unique(session: Session, submitted: Mapping[str, Any], before: Existing | None) -> None:
    """Refuse a taken value in the words of the form; what slips through here was taken at the same moment."""
    problems = []
    for name in _UNIQUE:
        value = submitted.get(name)
        if not isinstance(value, str) or not value:
            continue
        sought = value if name == "name" else value.lower()
        holder = session.scalar(select(IntegrationRow.id).where(getattr(IntegrationRow, name) == sought))
        if holder is not None and (before is None or holder != before.id):
            text = "is in use by another integration. Choose another one."
            problems.append(Problem(name, BY_NAME[name].label, text))
    if problems:
        raise Invalid(problems)


def save(session: Session, _number: int | None, ready: Ready, asking: Asking) -> int:
    """Write an integration and return its number. Raises Refused (CONFLICT when two came at once) and Invalid."""
    caller, box, now = asking.caller, asking.box, asking.now
    try:
        row = integrations.save(session, ready.draft, expected_version=None, caller=caller, box=box, now=now)
    except Invalid as refusal:
        if all(problem.field in _UNIQUE for problem in refusal.problems):
            raise Refused(Reason.CONFLICT, _TWICE) from refusal
        raise
    for number in ready.domains:
        _take(session, number, row.id)
    return row.id


def _take(session: Session, number: int, integration_id: int) -> None:
    """Let a named metadata domain belong to its integration, also where another free one has the same text."""
    named = session.get(ExchangeDomainRow, number)
    if named is None or named.integration_id == integration_id:
        return
    same = select(ExchangeDomainRow).where(
        ExchangeDomainRow.integration_id == integration_id, ExchangeDomainRow.domain == named.domain
    )
    for instead in session.scalars(same):
        instead.integration_id = None
    session.flush()
    named.integration_id = integration_id
    session.flush()


def delete(session: Session, number: int, asking: Asking) -> None:
    """Delete an integration that the caller reaches. Raises Refused."""
    rest_queries.row(session, TABLE, number, within=asking.caller.integrations)
    integrations.delete(session, number, caller=asking.caller, now=asking.now)


SERVED = Served(CONNECTOR, TABLE, show, Writing(prepare, save, delete))
