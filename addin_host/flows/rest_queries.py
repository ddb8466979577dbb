"""From a query of the REST interface to rows, on both databases alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, SQLColumnExpression, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.rest.queries import SECOND, Condition, Query
from addin_host.domain.rest.resource import Kind

Expression = SQLColumnExpression[Any]
UNKNOWN = "There is no such object."
_LARGEST_ID = 2**31 - 1
_NUMBERS = frozenset({Kind.INT, Kind.REFERENCE, Kind.NESTED})


@dataclass(frozen=True, slots=True)
class Table:
    """How a resource stands in the database: its row, and an expression for each attribute that can be compared.

    `related` tells where each relation leads; `standing` is what a row must fulfil to be one of the resource;
    `integration` is the id that decides who reaches a row.
    """

    row: type[Any]
    columns: Mapping[str, Expression]
    related: Mapping[str, Relation] = field(default_factory=dict)
    standing: Expression | None = None
    integration: Expression | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """The way from a row to others, whose `there` equals its `here`; `table` is asked for late, since tables refer to
    each other."""

    table: Callable[[], Table]
    there: Expression
    here: Expression


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and how many rows there are in all."""

    rows: Sequence[Any]
    total: int


def page(session: Session, table: Table, query: Query, *, within: frozenset[int] | None) -> Page:
    """Return a page of the rows that a caller reaches; `within` are the ids of its integrations, None for all."""
    chosen = _reached(select(table.row), table, within)
    for condition in query.conditions:
        chosen = chosen.where(_where(session, table, condition))
    rows = session.scalars(
        _ordered(chosen, table, query).limit(query.limit).offset(literal(query.offset, BigInteger()))
    ).all()
    known = query.offset + len(rows)
    # A page that is not full is the last one: what came before it need not be counted.
    if len(rows) < query.limit and (rows or query.offset == 0):
        return Page(rows, known)
    return Page(rows, session.scalar(chosen.with_only_columns(func.count(), maintain_column_froms=True)) or 0)


def row(session: Session, table: Table, number: int, *, within: frozenset[int] | None) -> Any:
    """Return one row. Raises Refused, in the same words whether it does not exist or is out of reach."""
    found = None
    if 0 < number <= _LARGEST_ID:
        found = session.scalar(_reached(select(table.row), table, within).where(table.columns["id"] == number))
    if found is None:
        raise Refused(Reason.UNKNOWN, UNKNOWN)
    return found


def _reached(chosen: Select[Any], table: Table, within: frozenset[int] | None) -> Select[Any]:
    if table.standing is not None:
        chosen = chosen.where(table.standing)
    if within is not None and table.integration is not None:
        chosen = chosen.where(table.integration.in_(list(within)))
    return chosen


def _ordered(chosen: Select[Any], table: Table, query: Query) -> Select[Any]:
    number = table.columns["id"]
    if query.order is None:
        return chosen.order_by(number)
    column = table.columns[query.order.name]
    return chosen.order_by(column.desc() if query.descending else column, number)


def _where(session: Session, table: Table, condition: Condition) -> Expression:
    if condition.through is not None:
        return _through(session, table, condition, condition.through.name)
    if condition.attribute.kind is Kind.NESTED:
        return _nested(session, table, condition)
    return _compare(session, table.columns[condition.attribute.name], condition)


def _through(session: Session, table: Table, condition: Condition, relation: str) -> Expression:
    way = table.related[relation]
    compared = _compare(session, way.table().columns[condition.attribute.name], condition)
    # Not EXISTS: SQLite would ask it of every row here, instead of beginning with the few over there.
    return way.here.in_(select(way.there).where(compared))


def _nested(session: Session, table: Table, condition: Condition) -> Expression:
    way = table.related[condition.attribute.name]
    if condition.operator == "isnull":
        any_of_them = select(way.there).where(way.there == way.here).correlate(table.row).exists()
        return ~any_of_them if condition.value else any_of_them
    return way.here.in_(select(way.there).where(_compare(session, way.table().columns["id"], condition)))


def _compare(session: Session, column: Expression, condition: Condition) -> Expression:
    operator, value = condition.operator, condition.value
    if operator == "isnull":
        return column.is_(None) if value else column.is_not(None)
    if condition.attribute.kind is Kind.INSTANT:
        return _instants(column, operator, value)
    if condition.attribute.kind in _NUMBERS:
        # PostgreSQL refuses a number that is too large for the column, instead of finding it unequal.
        value = [literal(one, BigInteger()) for one in value] if operator == "in" else literal(value, BigInteger())
    if operator in _BY_OPERATOR:
        return _BY_OPERATOR[operator](column, value)
    return _in_text(session, operator, column, value)


_BY_OPERATOR: Mapping[str, Callable[[Expression, Any], Expression]] = {
    "exact": lambda column, value: column == value,
    "in": lambda column, values: column.in_(values),
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "iexact": lambda column, value: func.lower(column) == func.lower(literal(value)),
}


def _instants(column: Expression, operator: str, value: Any) -> Expression:
    """Compare by the second, which is what answers show."""

    def within(at: datetime) -> Expression:
        return and_(column >= at, column < at + SECOND)

    if operator == "in":
        return or_(*[within(at) for at in value])
    # What is shown as a second lasts until the next one begins.
    edges: dict[str, Expression] = {
        "gt": column >= value + SECOND,
        "gte": column >= value,
        "lt": column < value,
        "lte": column < value + SECOND,
    }
    return edges.get(operator, within(value))


def _in_text(session: Session, operator: str, column: Expression, text: str) -> Expression:
    """Look for a text within another. LIKE will not do: SQLite's knows no case, and it takes % and _ for patterns."""
    if text == "":
        return column.is_not(None)
    sought: Expression = literal(text)
    if operator.startswith("i"):
        operator, column, sought = operator[1:], func.lower(column), func.lower(sought)
    if operator == "startswith":
        beginning: Expression = func.substr(column, 1, func.length(sought))
        return beginning == sought
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if operator == "contains":
        place: Expression = func.instr(column, sought) if is_sqlite else func.strpos(column, sought)
        return place > 0
    length: Expression = func.length(sought)
    ending: Expression = func.substr(column, 0 - length) if is_sqlite else func.right(column, length)
    return ending == sought
