"""The two forms of a directory file: CSV as spreadsheets write it, and JSON with the names of the REST interface.

Readers stream: a file of 100,000 VMRs never stands in memory as records.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, TextIO

from addin_host.domain.directory import COLUMNS, REQUIRED, Kind, Submitted, User, Vmr
from addin_host.domain.errors import Invalid, Problem

JSON_LISTS: Mapping[str, Kind] = {"users": Kind.USER, "conferences": Kind.VMR}
_OWNER_IN_REST = "primary_owner_email_address"
_READ_ONLY = frozenset({"id", "uuid", "resource_uri", "resource_id", "creation_time"})
_PINS = frozenset({"pin", "guest_pin"})
_ALIAS_COLUMN = re.compile(r"alias(es|[0-9]*)")
_SEPARATORS = re.compile(r"[;,\s]+")
_PART = 500
_BLANK = re.compile(r"\s*")
# A spreadsheet takes a cell that begins like this for a formula, unless an apostrophe stands before it.
_FORMULA = re.compile(r"'*[=+\-@]")
_GUARDED = re.compile(r"'+[=+\-@]")


def read_csv(lines: Iterable[str], kind: Kind) -> Iterator[Submitted]:
    """Yield the records of a CSV text. Raises Invalid when the headings or the form of the file are not usable."""
    counted = _Counted(lines)
    try:
        first = next(counted, "")
        rows = csv.reader(_with_first(first, counted), delimiter=_delimiter(first), strict=True)
        headings = _headings(next(rows, []), kind)
        for number, cells in enumerate(rows, 2):
            if any(cells):
                yield _from_cells(headings, cells, kind, number, counted.characters)
    except csv.Error as problem:
        raise _broken(f"The file is not usable CSV near line {counted.lines}: {problem}.") from problem
    except UnicodeDecodeError as problem:
        raise _broken('The file is not in UTF-8. Save it as "CSV UTF-8" and try again.') from problem


class _Counted(Iterator[str]):
    """Lines, with a count of what went by."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.lines = 0
        self.characters = 0

    def __next__(self) -> str:
        line = next(self._lines)
        self.lines += 1
        self.characters += len(line)
        return line


def _with_first(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _broken(message: str) -> Invalid:
    return Invalid([Problem("", "", message)])


def _headings(cells: Sequence[str], kind: Kind) -> list[str]:
    names = [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    names = ["owner" if name == _OWNER_IN_REST and kind is Kind.VMR else name for name in names]
    problems = [problem for number, name in enumerate(names, 1) for problem in _heading_problem(name, number, kind)]
    problems += [
        Problem(name, "", f"The column {name!r} stands in the file twice. Remove one.")
        for name in sorted({name for name in names if names.count(name) > 1} & set(COLUMNS[kind]))
    ]
    if REQUIRED[kind] not in names:
        problems.append(Problem(REQUIRED[kind], "", f"The column {REQUIRED[kind]!r} is missing. Add it."))
    if problems:
        raise Invalid(problems)
    return names


def _heading_problem(name: str, number: int, kind: Kind) -> Iterator[Problem]:
    if name not in COLUMNS[kind] and not (kind is Kind.VMR and _ALIAS_COLUMN.fullmatch(name)):
        # Not even as the problem's field: what stands here without a heading row may be a PIN.
        yield Problem(name if _is_a_name(name) else "", "", _unknown("column", name, number, COLUMNS[kind]))


def _is_a_name(text: str) -> bool:
    return bool(re.fullmatch(r"[a-z][a-z_]{0,39}[0-9]?", text, re.IGNORECASE))


def _unknown(what: str, name: str, number: int, known: Iterable[str]) -> str:
    """Name what is unknown only when it looks like a name: without a heading row it may be a PIN."""
    shown = repr(name) if _is_a_name(name) else f"number {number}"
    near = difflib.get_close_matches(name.lower(), list(known), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}."
    return f"The {what} {shown} is not known. {hint}"


def _from_cells(headings: Sequence[str], cells: Sequence[str], kind: Kind, number: int, position: int) -> Submitted:
    values: dict[str, Any] = {}
    for name, cell in zip_longest(headings, cells[: len(headings)], fillvalue=""):
        text = cell[1:] if _GUARDED.match(cell) else cell
        if kind is Kind.VMR and _ALIAS_COLUMN.fullmatch(name):
            values.setdefault("aliases", []).extend(filter(None, _SEPARATORS.split(text)))
        else:
            values[name] = text
    flaws = ("has more cells than there are headings. Put quotes around a value that holds the separator.",)
    return Submitted(kind, "row", number, values, position, flaws if any(cells[len(headings) :]) else ())


def read_json(text: str) -> Iterator[Submitted]:
    """Yield the records of `{"users": […], "conferences": […]}`. Raises Invalid when the form is not usable."""
    decoder = json.JSONDecoder(object_pairs_hook=_without_repeats)
    try:
        position = _expect(text, 0, "{")
        while text[position] != "}":
            name, position = decoder.raw_decode(text, position)
            position = _expect(text, _expect(text, position, ":"), "[")
            for submitted in _entries(decoder, text, position, _kind_of(name)):
                yield submitted
                position = submitted.position
            position = _separator(text, _expect(text, position, "]"), "}")
        if _skip(text, position + 1) != len(text):
            raise _broken("The file goes on after the end of its JSON object. Remove what follows.")
    except json.JSONDecodeError as problem:
        text_ = f"The file is not JSON: {problem.msg} (line {problem.lineno}, column {problem.colno})."
        raise _broken(text_) from problem
    except (IndexError, RecursionError) as problem:
        raise _broken("The file is not usable JSON: it ends too early or is nested too deeply.") from problem


def _kind_of(name: Any) -> Kind:
    if str(name) not in JSON_LISTS:
        raise _broken(_unknown("list", str(name), 1, JSON_LISTS))
    return JSON_LISTS[str(name)]


def _entries(decoder: json.JSONDecoder, text: str, position: int, kind: Kind) -> Iterator[Submitted]:
    number = 0
    while text[position] != "]":
        entry, position = decoder.raw_decode(text, position)
        position = _separator(text, _skip(text, position), "]")
        number += 1
        yield _from_object(entry, kind, number, position)


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _expect(text: str, position: int, sign: str) -> int:
    position = _skip(text, position)
    if text[position] != sign:
        raise json.JSONDecodeError(f"Expecting {sign!r}", text, position)
    return _skip(text, position + 1)


def _separator(text: str, position: int, end: str) -> int:
    """Step over a comma; the closing sign stays to be read."""
    position = _skip(text, position)
    return position if text[position] == end else _expect(text, position, ",")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        values[""] = None  # no key of ours is empty: the record is refused, and says where
    return values


def _from_object(entry: Any, kind: Kind, number: int, position: int) -> Submitted:
    if not isinstance(entry, dict):
        return Submitted(kind, kind.value, number, {}, position, ("must be an object in braces.",))
    values, flaws = {}, []
    for index, (key, value) in enumerate(entry.items(), 1):
        name = "owner" if key == _OWNER_IN_REST and kind is Kind.VMR else key
        if not key or name in values:
            flaws.append("names a field twice. Remove one.")
        elif name in COLUMNS[kind]:
            values[name] = value
        elif name not in _READ_ONLY:
            flaws.append(_unknown("field", name, index, COLUMNS[kind]))
    return Submitted(kind, kind.value, number, values, position, tuple(flaws))


def write_csv(stream: TextIO, kind: Kind, records: Iterable[Vmr | User], *, with_pins: bool) -> None:
    """Write records as `read_csv` takes them."""
    columns = [column for column in COLUMNS[kind] if with_pins or column not in _PINS]
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([_cell(getattr(record, column)) for column in columns] for record in records)


def csv_parts(kind: Kind, records: Iterable[Vmr | User], *, with_pins: bool) -> Iterator[str]:
    """Yield what `write_csv` writes piece by piece, however many records there are."""
    remaining = iter(records)
    part = io.StringIO(newline="")
    write_csv(part, kind, islice(remaining, _PART), with_pins=with_pins)
    yield part.getvalue()
    while rows := list(islice(remaining, _PART)):
        part = io.StringIO(newline="")
        write_csv(part, kind, rows, with_pins=with_pins)
        yield part.getvalue().split("\n", 1)[1]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ";".join(value) if isinstance(value, tuple) else str(value or "")
    return f"'{text}" if _FORMULA.match(text) else text


def write_json(stream: TextIO, records: Mapping[Kind, Iterable[Vmr | User]], *, with_pins: bool) -> None:
    """Write both lists as `read_json` takes them, one record a line."""
    for name, kind in JSON_LISTS.items():
        stream.write("{" if kind is Kind.USER else "],")
        stream.write(f'"{name}": [')
        for number, record in enumerate(records[kind]):
            stream.write(",\n" if number else "\n")
            json.dump(as_object(kind, record, with_pins=with_pins), stream, ensure_ascii=False)
        stream.write("\n")
    stream.write("]}\n")


def as_object(kind: Kind, record: Vmr | User, *, with_pins: bool) -> dict[str, Any]:
    """Return a record under the names of the REST interface."""
    columns = [column for column in COLUMNS[kind] if with_pins or column not in _PINS]
    return {_OWNER_IN_REST if column == "owner" else column: getattr(record, column) for column in columns}
