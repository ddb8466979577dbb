"""What Graph's published metadata allows in a request: paths, query options, property names and types, actions.

The metadata stands beside the checkout (../shared/protocol/graph) and is never copied. Without it nothing is validated,
and one line says so.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from lxml import etree

FILE = Path(__file__).resolve().parents[4] / "shared/protocol/graph/metadata-v1.0.csdl.xml"
_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_SYSTEM = {"$select", "$expand", "$filter", "$top", "$orderby"}
_TOKENS = {"$skiptoken", "$deltatoken", "$skip"}  # the server's own, in links
_CAST = "microsoft.graph."
_PROPERTY_ID = re.compile(r"(String|Integer|SystemTime|Binary) \{[0-9A-Fa-f-]{36}\} (Id 0x[0-9A-Fa-f]+|Name \S+)")
_TEXT = re.compile(r"'(?:[^']|'')*'")
_COMPARED = re.compile(r"(?P<path>\w+(?:/\w+)*) (?:eq|ne|lt|le|gt|ge) ")
_LAMBDA = re.compile(r"(?P<path>\w+)/any\((?P<name>\w+): (?P<inner>[^()]*)\)")


class Violation(Exception):
    """A request that the metadata does not allow."""


@dataclass
class _Type:
    name: str
    base: str
    is_open: bool
    members: dict[str, str] = field(default_factory=dict)  # properties and navigation, by name: their type
    navigation: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Bound:
    """An action or function, and its parameters."""

    name: str
    kind: str
    binding: str
    parameters: Mapping[str, str]
    needed: frozenset[str]


@cache
def schema() -> Schema | None:
    """Return the metadata, None in a checkout without it."""
    if not FILE.exists():
        warnings.warn("Graph's metadata is not beside the checkout: requests are not validated.", stacklevel=2)
        return None
    return Schema()


class Schema:
    def __init__(self) -> None:
        self.types: dict[str, _Type] = {}
        self.enums: dict[str, frozenset[str]] = {}
        self.bound: list[Bound] = []
        self.roots: dict[str, str] = {}
        root = etree.parse(str(FILE), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
        main = next(one for one in root.iter(f"{_EDM}Schema") if one.get("Namespace") == "microsoft.graph")
        for element in main:
            self._take(element)

    def _take(self, element: Any) -> None:
        kind, name = element.tag.removeprefix(_EDM), str(element.get("Name"))
        if kind in ("EntityType", "ComplexType"):
            made = _Type(name, str(element.get("BaseType") or ""), element.get("OpenType") == "true")
            for member in element.iterchildren(f"{_EDM}Property", f"{_EDM}NavigationProperty"):
                made.members[str(member.get("Name"))] = str(member.get("Type"))
                if member.tag.endswith("NavigationProperty"):
                    made.navigation.add(str(member.get("Name")))
            self.types[f"graph.{name}"] = made
        elif kind == "EnumType":
            members = element.iterchildren(f"{_EDM}Member")
            self.enums[f"graph.{name}"] = frozenset(str(member.get("Name")) for member in members)
        elif kind in ("Action", "Function") and element.get("IsBound") == "true":
            first, *rest = element.iterchildren(f"{_EDM}Parameter")
            needed = frozenset(str(one.get("Name")).lower() for one in rest if one.get("Nullable") == "false")
            told = {str(one.get("Name")).lower(): str(one.get("Type")) for one in rest}
            self.bound.append(Bound(name, kind, str(first.get("Type")), told, needed))
        elif kind == "EntityContainer":
            for one in element.iterchildren(f"{_EDM}EntitySet"):
                self.roots[str(one.get("Name"))] = f"Collection({one.get('EntityType').replace(_CAST, 'graph.')})"

    def check(self, method: str, target: str, body: Any) -> None:
        """Raise Violation unless the request is one that the metadata allows. `target` begins below /v1.0."""
        where, _, query = target.partition("?")
        type_, bound = self._walk([unquote(part) for part in where.strip("/").split("/")])
        if (bound.kind == "Action" if bound else False) != (method == "POST"):
            raise Violation(f"{method} is not for {where}")
        self._check_query(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)), type_, where)
        if bound and bound.kind == "Action":
            self._check_parameters(bound, body)
        elif method == "PATCH":
            self.check_value(body, type_, "body")

    def _walk(self, parts: Sequence[str]) -> tuple[str, Bound | None]:
        """Return the type at a path, and the action or function at its end."""
        current = self.roots.get(parts[0], "")
        if not current:
            raise Violation(f"no entity set {parts[0]}")
        for position, part in enumerate(parts[1:], 1):
            is_last = position == len(parts) - 1
            bound = self._bound(part.removeprefix(_CAST), current) if is_last else None
            if bound is not None:
                return current, bound
            if current.startswith("Collection("):
                current = current[len("Collection(") : -1]  # the segment is a key
                if not part:
                    raise Violation("an empty key")
                continue
            member = self.members(current).get(part)
            if member is None:
                raise Violation(f"{current} has no {part}")
            current = member
        return current, None

    def _bound(self, name: str, binding: str) -> Bound | None:
        lineage = {binding}
        if not binding.startswith("Collection("):
            lineage = set(self._lineage(binding))
        return next((one for one in self.bound if one.name == name and one.binding in lineage), None)

    def _lineage(self, name: str) -> Iterator[str]:
        while name:
            yield name
            name = self.types[name].base

    def members(self, name: str) -> dict[str, str]:
        """Return all members of a type, inherited ones too."""
        return {key: value for one in self._lineage(name) for key, value in self.types[one].members.items()}

    def _navigation(self, name: str) -> set[str]:
        return {key for one in self._lineage(name) for key in self.types[one].navigation}

    def _check_query(self, options: Sequence[tuple[str, str]], type_: str, where: str) -> None:
        asked, is_many = dict(options), type_.startswith("Collection(")
        entity = type_[len("Collection(") : -1] if is_many else type_
        is_instances = where.endswith("/instances")
        needed = {"startDateTime", "endDateTime"} if is_instances and not _TOKENS & set(asked) else set()
        if missing := needed - set(asked):
            raise Violation(f"{where} needs {missing}")
        allowed = _SYSTEM | _TOKENS | ({"startDateTime", "endDateTime"} if is_instances else set())
        for name, value in options:
            if name not in allowed:
                raise Violation(f"{name} is no query option of {where}")
            if name in ("$filter", "$top", "$orderby") and not is_many:
                raise Violation(f"{name} is for collections")
            self._check_option(name, value, entity)

    def _check_option(self, name: str, value: str, entity: str) -> None:
        if name == "$select":
            for one in value.split(","):
                self._property(one, entity)
        elif name == "$expand":
            for one in _split(value):
                self._check_expand(one, entity)
        elif name == "$filter":
            self._check_filter(value, entity)
        elif name == "$top" and not (value.isdigit() and 0 < int(value) <= 1000):
            raise Violation("$top is 1 to 1000")
        elif name in ("startDateTime", "endDateTime"):
            _instant(value)

    def _cast(self, path: str, entity: str) -> tuple[str, str]:
        """Return the member's name and the type that it is looked for in."""
        if not path.startswith(_CAST):
            return path, entity
        cast, _, member = path.partition("/")
        derived = f"graph.{cast.removeprefix(_CAST)}"
        if derived not in self.types or entity not in self._lineage(derived):
            raise Violation(f"{cast} is no kind of {entity}")
        return member, derived

    def _property(self, path: str, entity: str) -> str:
        name, owner = self._cast(path, entity)
        current = owner
        for part in name.split("/"):
            members = self.members(current) if current in self.types else {}
            if part not in members:
                raise Violation(f"{current} has no {part}")
            current = members[part]
        return current

    def _check_expand(self, written: str, entity: str) -> None:
        path, _, options = written.partition("(")
        name, owner = self._cast(path, entity)
        if name not in self._navigation(owner):
            raise Violation(f"{owner} has nothing to expand at {name}")
        target = self.members(owner)[name].removeprefix("Collection(").removesuffix(")")
        for option in filter(None, options.removesuffix(")").split(";")):
            key, _, value = option.partition("=")
            if key not in ("$filter", "$select"):
                raise Violation(f"{key} inside $expand")
            self._check_option(key, value, target)
        if name == "singleValueExtendedProperties" and "$filter=" not in options:
            raise Violation("extended properties are expanded by their ids only")

    def _check_filter(self, written: str, entity: str) -> None:
        for found in _LAMBDA.finditer(written):
            target = self._property(found["path"], entity).removeprefix("Collection(").removesuffix(")")
            for compared in _COMPARED.finditer(found["inner"]):
                variable, _, rest = compared["path"].partition("/")
                if variable != found["name"]:
                    raise Violation(f"{variable} is not {found['name']}")
                self._property(rest, target)
        outside = _LAMBDA.sub("", written)
        for compared in _COMPARED.finditer(outside):
            self._property(compared["path"], entity)
        for text in re.findall(r"\bid eq ('(?:[^']|'')*')", written):
            if "{" in text and not _PROPERTY_ID.fullmatch(text.strip("'")):
                raise Violation(f"{text} is no id of a property")
        words = _COMPARED.sub("", _TEXT.sub("", outside))
        if re.sub(r"\b(and|or|not)\b|[()\s]|true|false|\d+", "", words):
            raise Violation(f"the filter is not understood: {written}")

    def _check_parameters(self, bound: Bound, body: Any) -> None:
        if not isinstance(body, dict):
            raise Violation("parameters are an object")
        given = {name.lower(): value for name, value in body.items()}
        if unknown := set(given) - set(bound.parameters):
            raise Violation(f"{bound.name} has no {unknown}")
        if missing := bound.needed - set(given):
            raise Violation(f"{bound.name} needs {missing}")
        for name, value in given.items():
            self.check_value(value, bound.parameters[name], name)

    def check_value(self, value: Any, type_: str, where: str) -> None:
        """Raise Violation unless a value of a body has its type."""
        if value is None:
            return
        if type_.startswith("Collection("):
            if not isinstance(value, list):
                raise Violation(f"{where} is a list")
            for one in value:
                self.check_value(one, type_[len("Collection(") : -1], where)
        elif type_ in self.enums:
            if value not in self.enums[type_]:
                raise Violation(f"{value} is none of {type_}")
        elif type_ in self.types:
            self._check_object(value, type_, where)
        elif not _PRIMITIVE[type_](value):
            raise Violation(f"{where} is no {type_}")

    def _check_object(self, value: Any, type_: str, where: str) -> None:
        if not isinstance(value, dict):
            raise Violation(f"{where} is an object")
        members = self.members(type_)
        for name, one in value.items():
            if name.startswith("@odata."):
                continue
            if name not in members:
                raise Violation(f"{type_} has no {name}")
            self.check_value(one, members[name], name)
        if type_ == "graph.singleValueLegacyExtendedProperty" and not _PROPERTY_ID.fullmatch(value.get("id", "")):
            raise Violation("the id of an extended property")
        if type_ == "graph.internetMessageHeader" and not value.get("name", "").lower().startswith("x-"):
            raise Violation("headers of one's own begin with x-")


def _split(written: str) -> Iterator[str]:
    """Yield the parts between commas that stand outside of parentheses and texts."""
    depth, start, is_text = 0, 0, False
    for position, letter in enumerate(written):
        is_text ^= letter == "'"
        depth += 0 if is_text else (letter == "(") - (letter == ")")
        if letter == "," and not depth and not is_text:
            yield written[start:position]
            start = position + 1
    yield written[start:]


def _instant(value: Any) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError as error:
        raise Violation(f"{value} is no instant") from error


_PRIMITIVE = {
    "Edm.String": lambda value: isinstance(value, str),
    "Edm.Boolean": lambda value: isinstance(value, bool),
    "Edm.Int32": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Edm.Date": lambda value: bool(re.fullmatch(r"\d{4}-\d\d-\d\d", str(value))),
    "Edm.DateTimeOffset": _instant,
    "Edm.Binary": lambda value: isinstance(value, str),
    "Edm.Stream": lambda _value: False,
}
