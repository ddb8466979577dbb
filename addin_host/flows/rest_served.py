"""What ties a resource of the REST interface to the flows that read and write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.ports import TemplateTrial
from addin_host.domain.rest.incoming import Incoming
from addin_host.domain.rest.queries import Query
from addin_host.domain.rest.resource import Resource
from addin_host.flows import rest_queries
from addin_host.flows.rest_queries import Table
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, when, and what the flows need besides."""

    caller: Caller
    box: SecretBox
    trial: TemplateTrial
    now: datetime


Show = Callable[[Session, Sequence[Any], Asking], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Writing:
    """How objects are written. A number of None is a new object.

    `prepare` judges, outside of the transaction, what a request sets; `save` writes what it returned and gives the
    number of the object.
    """

    prepare: Callable[[Database, int | None, Incoming, Asking], Any]
    save: Callable[[Session, int | None, Any, Asking], int]
    delete: Callable[[Session, int, Asking], None]


@dataclass(frozen=True, slots=True)
class Served:
    """A resource with the flows behind it; `writing` is None for what is only read."""

    resource: Resource
    table: Table
    show: Show
    writing: Writing | None = None


def as_it_is(_database: Database, _number: int | None, incoming: Incoming, _asking: Asking) -> Incoming:
    """Prepare nothing: everything is judged where it is written."""
    return incoming


def listed(session: Session, served: Served, query: Query, asking: Asking) -> tuple[list[dict[str, Any]], int]:
    """Return the objects of a page, and how many there are in all."""
    found = rest_queries.page(session, served.table, query, within=asking.caller.integrations)
    return served.show(session, found.rows, asking), found.total


def one(session: Session, served: Served, number: int, asking: Asking) -> dict[str, Any]:
    """Return one object. Raises Refused, in the same words whether it does not exist or is out of reach."""
    row = rest_queries.row(session, served.table, number, within=asking.caller.integrations)
    return served.show(session, [row], asking)[0]
