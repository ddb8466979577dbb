"""Writing through the REST interface: one object, or several in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.rest.incoming import Incoming, accept, number_of
from addin_host.domain.rest.resource import Resource
from addin_host.flows import idempotency, rest_queries, rest_served
from addin_host.flows.idempotency import Repeatable
from addin_host.flows.rest_served import Asking, Served, Writing
from addin_host.store.db import Database

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One object of a request: the number of the stored one, or None for a new one, and what is set."""

    number: int | None
    incoming: Incoming


@dataclass(frozen=True, slots=True)
class Bulk:
    """Several changes, and the numbers of the objects to delete."""

    changes: tuple[Change, ...]
    deletions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The objects as they are now, and which of them a program asked for before (with an Idempotency-Key)."""

    objects: tuple[dict[str, Any], ...]
    repeated: bool = False


def create(
    database: Database, served: Served, incoming: Incoming, asking: Asking, *, request: Repeatable | None
) -> Written:
    """Create an object, or find the one that the same request created before. Raises Refused and Invalid."""
    with database.read() as session:
        if (location := idempotency.recall(session, request, now=asking.now)) is not None:
            return _repeated(session, served, location, asking)
    writing = _writing(served)
    ready = writing.prepare(database, None, incoming, asking)

    with database.write() as session:
        if (location := idempotency.recall(session, request, now=asking.now)) is not None:
            return _repeated(session, served, location, asking)
        claim = idempotency.claim(session, request, now=asking.now)
        number = writing.save(session, None, ready, asking)
        if claim is not None:
            claim.location = served.resource.uri(number)
        return Written((rest_served.one(session, served, number, asking),))


def _repeated(session: Session, served: Served, location: str, asking: Asking) -> Written:
    number = number_of(served.resource.name, location)
    try:
        return Written((rest_served.one(session, served, number or 0, asking),), repeated=True)
    except Refused as gone:
        raise Refused(Reason.CONFLICT, "What this Idempotency-Key created was deleted since. Use a new key.") from gone


def change(database: Database, served: Served, number: int, incoming: Incoming, asking: Asking) -> dict[str, Any]:
    """Merge what is set into an object and return it. Raises Refused and Invalid."""
    return apply(database, served, Bulk((Change(number, incoming),)), asking)[0]


def apply(database: Database, served: Served, bulk: Bulk, asking: Asking) -> tuple[dict[str, Any], ...]:
    """Carry out all changes, or none, and return the objects. Raises Refused and Invalid.

    A record that somebody saved between its being read and written is merged anew, a few times.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _attempt(database, served, bulk, asking)
        except Refused as refusal:
            if refusal.reason is not Reason.CONFLICT or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _attempt(database: Database, served: Served, bulk: Bulk, asking: Asking) -> tuple[dict[str, Any], ...]:
    writing = _writing(served)
    _require_reach(database, served, bulk, asking)
    ready = [(one.number, writing.prepare(database, one.number, one.incoming, asking)) for one in bulk.changes]
    with database.write() as session:
        for number in bulk.deletions:
            _delete(session, served, number, asking)
        numbers = [writing.save(session, number, prepared, asking) for number, prepared in ready]
        return tuple(rest_served.one(session, served, number, asking) for number in numbers)


def _require_reach(database: Database, served: Served, bulk: Bulk, asking: Asking) -> None:
    """Refuse unknown numbers in the same words for all resources."""
    with database.read() as session:
        for number in [one.number for one in bulk.changes if one.number is not None]:
            rest_queries.row(session, served.table, number, within=asking.caller.integrations)


def delete(database: Database, served: Served, number: int, asking: Asking) -> None:
    """Delete an object. Raises Refused and Invalid."""
    with database.write() as session:
        _delete(session, served, number, asking)


def _delete(session: Session, served: Served, number: int, asking: Asking) -> None:
    rest_queries.row(session, served.table, number, within=asking.caller.integrations)
    _writing(served).delete(session, number, asking)
    session.flush()


def _writing(served: Served) -> Writing:
    if served.writing is None:
        raise Refused(Reason.FORBIDDEN, f"{served.resource.name} is only read.")
    return served.writing


def bulk_of(resource: Resource, body: Mapping[str, Any], asking: Asking) -> Bulk:
    """Read the body of a PATCH of a list. Raises Refused and Invalid."""
    objects, deleted = body.get("objects", []), body.get("deleted_objects", [])
    if not _is_list_of(objects, dict) or not _is_list_of(deleted, str):
        raise Refused(
            Reason.INVALID, "The body must hold `objects`, a list of objects, and `deleted_objects`, of URIs."
        )
    if len(objects) + len(deleted) > resource.bulk:
        raise Refused(Reason.INVALID, f"At most {resource.bulk:,} objects of {resource.name} fit in one request.")
    changes = tuple(_change(resource, given) for given in objects)
    deletions = tuple(_existing(resource, uri) for uri in deleted)
    if resource.create and (deletions or any(one.number is None for one in changes)):
        asking.caller.require(resource.create)
    return Bulk(changes, deletions)


def _is_list_of(found: Any, kind: type[Any]) -> bool:
    return isinstance(found, list) and all(isinstance(entry, kind) for entry in found)


def _change(resource: Resource, given: Mapping[str, Any]) -> Change:
    uri, number = given.get("resource_uri"), given.get("id")
    if uri is not None:
        number = _existing(resource, uri)
    elif number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise Refused(Reason.INVALID, "The id of an object must be a whole number.")
    return Change(number, accept(resource, given, creating=number is None))


def _existing(resource: Resource, uri: Any) -> int:
    number = number_of(resource.name, uri)
    if number is None:
        raise Refused(Reason.INVALID, f"{resource.name} has no objects at one of the addresses sent.")
    return number


def unknown_names(changes: Sequence[Change], resource: Resource) -> list[str]:
    """Return the keys that were passed over, for the log; open resources keep them."""
    return [] if resource.is_open else sorted({name for one in changes for name in one.incoming.unknown})
