"""Users and VMRs as an administrator hands them in: what a record is, and what is wrong with one.

A value of None means "not in the file": it stays as it is stored, or takes its default in a new record. A blank value
clears. No message repeats a value that was not found good, because a PIN may stand in the wrong column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from addin_host.domain.alias import is_alias
from addin_host.domain.errors import Problem
from addin_host.domain.validation import is_email

SERVICE_TYPES = ("conference", "lecture", "two_stage_dialing")
MAX_RECORDS = 1_000_000
_PIN = re.compile(r"[0-9]{4,20}")
# C0, C1, line separators, the characters that turn the direction of text, halves of surrogate pairs, non-characters.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_WORDS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


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


class _Bad(Exception):
    """A value is refused; the text completes the sentence that the column's name begins."""


def _text(limit: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise _Bad("must be text.")
        text = unicodedata.normalize("NFC", value.strip())
        if _UNFIT.search(text):
            raise _Bad("contains a line break, a control character or an invisible direction mark. Remove it.")
        if len(text) > limit:
            raise _Bad(f"is {len(text)} characters long; at most {limit} are allowed. Shorten it.")
        return text

    return check


def _required(check: Callable[[Any], str]) -> Callable[[Any], str]:
    def check_required(value: Any) -> str:
        if not (text := check(value)):
            raise _Bad("is missing. Enter a value.")
        return text

    return check_required


def _email(value: Any) -> str:
    text = _text(100)(value)
    if text and not is_email(text):
        raise _Bad("is not an e-mail address. Enter one such as alice@example.com.")
    # Databases differ in the lower case of letters beyond ASCII; stored in lower case they compare alike everywhere.
    return text if text.isascii() else text.lower()


def _service_type(value: Any) -> str:
    text = _text(32)(value).lower()
    if text and text not in SERVICE_TYPES:
        raise _Bad(f"must be one of {', '.join(SERVICE_TYPES)}.")
    return text or SERVICE_TYPES[0]


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else None
    if text == "":
        return False
    if text not in _WORDS:
        raise _Bad("must be true or false (yes and no, 1 and 0 will do).")
    return _WORDS[text]


def _pin(value: Any) -> str:
    if not isinstance(value, str):
        raise _Bad("must be text in quotes, so that zeros at its beginning are kept.")
    text = value.strip()
    if text and not _PIN.fullmatch(text):
        raise _Bad(
            "must be 4 to 20 digits and nothing else. If a spreadsheet changed it, "
            "format the column as text and enter it again."
        )
    return text


def _aliases(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Bad('must be a list, such as ["alice@example.com", "1001"].')
    aliases = []
    for number, entry in enumerate(value, 1):
        alias = entry.get("alias") if isinstance(entry, dict) else entry
        if not isinstance(alias, str) or not is_alias(alias):
            text = "is not an alias. Use only letters, digits and the characters . @ _ + - (250 at most)."
            raise _Bad(f"entry {number} {text}")
        aliases.append(alias)
    if len({alias.lower() for alias in aliases}) < len(aliases):
        raise _Bad("lists an alias twice. Remove one.")
    return tuple(aliases)


_CHECKS: Mapping[Kind, Mapping[str, Callable[[Any], Any]]] = {
    Kind.VMR: {
        "name": _required(_text(250)),
        "description": _text(250),
        "service_type": _service_type,
        "pin": _pin,
        "guest_pin": _pin,
        "allow_guests": _flag,
        "owner": _email,
        "aliases": _aliases,
    },
    Kind.USER: {
        "primary_email_address": _required(_email),
        "first_name": _text(250),
        "last_name": _text(250),
        "display_name": _text(250),
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
            except _Bad as bad:
                problems.append(submitted.problem(column, str(bad)))
        elif column == REQUIRED[submitted.kind] and not submitted.flaws:
            problems.append(submitted.problem(column, "is missing. Enter a value."))
    if problems:
        return None, problems
    return (Vmr(**values) if submitted.kind is Kind.VMR else User(**values)), []


def pin_problems(submitted: Submitted, vmr: Vmr) -> Iterator[Problem]:
    """Yield what is wrong between PINs and guests in a full record, as the conference platform sees it."""
    if not vmr.guest_pin:
        return
    if not vmr.allow_guests:
        yield submitted.problem("guest_pin", "needs allow_guests to be true. Set it, or leave the guest PIN blank.")
    elif not vmr.pin:
        yield submitted.problem("pin", "is missing: with a guest PIN, hosts need one of their own. Enter it.")
    if vmr.pin == vmr.guest_pin:
        yield submitted.problem("guest_pin", "must differ from the host PIN. Enter another one.")


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
