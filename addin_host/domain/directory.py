"""Users and VMRs as an administrator hands them in: what a record is, and what is wrong with one.

A value of None means "not in the file": it stays as it is stored, or takes its default in a new record. A blank value
clears. No message repeats a value that was not found good, because a PIN may stand in the wrong column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from addin_host.domain import directory_values as grammar
from addin_host.domain.errors import Problem

SERVICE_TYPES = grammar.SERVICE_TYPES
MAX_RECORDS = 1_000_000


class Kind(StrEnum):
    """The two kinds of records; the value is the word that people see in messages about a JSON file."""

    VMR = "conference"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Vmr:
    """A VMR. `aliases` are in the order in which they are shown."""

    name: str
    description: str | None = None
    service_type: str | None = None
    pin: str | None = field(default=None, repr=False)
    guest_pin: str | None = field(default=None, repr=False)
    allow_guests: bool | None = None
    owner: str | None = None
    aliases: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person who may own VMRs."""

    primary_email_address: str
    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """One record as it stands in a file.

    `noun` and `row` name it for people, such as `row 5` of a spreadsheet; `position` tells how many characters of the
    file have been read; `flaws` are what is wrong with its shape.
    """

    kind: Kind
    noun: str
    row: int
    values: Mapping[str, Any] = field(repr=False)
    position: int = 0
    flaws: tuple[str, ...] = ()

    def problem(self, column: str, message: str) -> Problem:
        """Return a problem that names the row and the column."""
        place = f"{self.noun} {self.row}"
        return Problem(column, f"{place}, {column}" if column else place, message, self.row)


_CHECKS: Mapping[Kind, Mapping[str, Callable[[Any], Any]]] = {
    Kind.VMR: {
        "name": grammar.required(grammar.text(250)),
        "description": grammar.text(250),
        "service_type": grammar.service_type,
        "pin": grammar.pin,
        "guest_pin": grammar.pin,
        "allow_guests": grammar.flag,
        "owner": grammar.email,
        "aliases": grammar.aliases_of,
    },
    Kind.USER: {
        "primary_email_address": grammar.required(grammar.email),
        "first_name": grammar.text(250),
        "last_name": grammar.text(250),
        "display_name": grammar.text(250),
    },
}
COLUMNS: Mapping[Kind, tuple[str, ...]] = {kind: tuple(checks) for kind, checks in _CHECKS.items()}
REQUIRED: Mapping[Kind, str] = {Kind.VMR: "name", Kind.USER: "primary_email_address"}


def check(submitted: Submitted) -> tuple[Vmr | User | None, list[Problem]]:
    """Return the record, or None and every problem of it. Keys of `values` must be names out of COLUMNS."""
    problems = [submitted.problem("", flaw) for flaw in submitted.flaws]
    values: dict[str, Any] = {}
    for column, judge in _CHECKS[submitted.kind].items():
        if column in submitted.values:
            try:
                values[column] = judge(submitted.values[column])
            except grammar.Bad as bad:
                problems.append(submitted.problem(column, str(bad)))
        elif column == REQUIRED[submitted.kind] and not submitted.flaws:
            problems.append(submitted.problem(column, "is missing. Enter a value."))
    if problems:
        return None, problems
    return (Vmr(**values) if submitted.kind is Kind.VMR else User(**values)), []


def pin_problems(submitted: Submitted, vmr: Vmr) -> Iterator[Problem]:
    """Yield what is wrong between PINs and guests in a full record, as the conference platform sees it."""
    flaws = grammar.pin_flaws(vmr.pin or "", vmr.guest_pin or "", allow_guests=bool(vmr.allow_guests))
    yield from (submitted.problem(column, message) for column, message in flaws)


class Survey:
    """What one whole file holds, and every problem that shows without asking the database.

    `vmrs`, `users` and `aliases` tell in which row a name, an address or an alias (in lower case) stands first;
    `silent` names the VMRs about whose aliases the file says nothing.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.vmrs: dict[str, int] = {}
        self.users: dict[str, int] = {}
        self.aliases: dict[str, int] = {}
        self.silent: set[str] = set()
        self.count = 0

    def take_all(self, records: Iterable[Submitted]) -> Survey:
        """Judge every record and return self."""
        for submitted in records:
            self.take(submitted)
        return self

    def take(self, submitted: Submitted) -> None:
        """Judge one record."""
        self.count += 1
        if self.count == MAX_RECORDS + 1:
            text = f"The file holds more than {MAX_RECORDS:,} records. Split it into several files."
            self.problems.append(Problem("", "", text))
        if self.count > MAX_RECORDS:
            return
        record, problems = check(submitted)
        self.problems += problems
        if isinstance(record, Vmr):
            self._take_vmr(submitted, record)
        elif isinstance(record, User):
            self._claim(self.users, record.primary_email_address.lower(), submitted, REQUIRED[Kind.USER])

    def knows(self, submitted: Submitted, record: Vmr | User) -> bool:
        """Whether this record stood in this row when the file was surveyed."""
        if isinstance(record, Vmr):
            return self.vmrs.get(record.name) == submitted.row
        return self.users.get(record.primary_email_address.lower()) == submitted.row

    def _take_vmr(self, submitted: Submitted, vmr: Vmr) -> None:
        self._claim(self.vmrs, vmr.name, submitted, "name")
        for alias in vmr.aliases or ():
            self._claim(self.aliases, alias.lower(), submitted, "aliases")
        if vmr.aliases is None:
            self.silent.add(vmr.name)

    def _claim(self, claims: dict[str, int], value: str, submitted: Submitted, column: str) -> None:
        first = claims.setdefault(value, submitted.row)
        if first != submitted.row:
            text = f"{value!r} stands in {submitted.noun} {first} already. Remove one or choose another."
            self.problems.append(submitted.problem(column, text))
