"""The references of all fields, as pages of Markdown, made from the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from addin_host.domain.fields import BY_NAME, FIELDS, Condition, Field
from addin_host.domain.platform import PLATFORM_BY_NAME, PLATFORM_FIELDS

_INTRODUCTION = """\
# Fields of an integration

Made by `addin-host integration fields` from the table that the program itself uses; do not edit it by hand. A field
that is not available is neither checked nor used, and keeps its value. Secrets are given in clear in an import, stored
sealed, and never exported.
"""
_PLATFORM = """\
# Platform settings

Made by `addin-host platform fields` from the table that the program itself uses; do not edit it by hand. They hold for
all integrations, and are changed on the page Settings or by `addin-host platform set NAME VALUE`. Secrets are stored
sealed and never shown.
"""
_LONG = 60


def fields_page() -> str:
    """Return the page of an integration's fields: a section of the form after the other, a paragraph a field."""
    return _page(_INTRODUCTION, FIELDS)


def platform_page() -> str:
    """Return the page of the platform settings."""
    return _page(_PLATFORM, PLATFORM_FIELDS)


def _page(introduction: str, table: Sequence[Field]) -> str:
    parts = [introduction]
    for section, fields in groupby(table, key=lambda field: field.section):
        parts.append(f"## {section}\n")
        parts += ["\n".join(_paragraph(field)) + "\n" for field in fields]
    return "\n".join(parts)


def _paragraph(field: Field) -> Iterator[str]:
    yield f"### {field.label}\n"
    yield f"`{field.name}`, {field.kind.replace('_', ' ')}{_limits(field)}. Default: {_default(field)}."
    if field.help:
        yield field.help
    if field.managed_by:
        yield f"Kept by {field.managed_by}."
    if field.choices:
        yield f"One of: {', '.join(f'`{choice}`' for choice in field.choices)}."
    if field.variables:
        yield f"Variables: {', '.join(f'`{name}`' for name in field.variables)}."
    if field.must_print:
        yield f"Must print `{field.must_print}`."
    if field.available_when != ({},):
        yield f"Available when {_either(field.available_when)}."
    if field.required_when:
        yield f"Required{_when(field)}."
    if field.constraints:
        yield f"Note: {field.constraints}."


def _limits(field: Field) -> str:
    parts = [
        f"{field.range[0]} to {field.range[1]}" if field.range else "",
        f"at least {field.min_length} characters" if field.min_length else "",
        f"at most {field.max_length} characters" if field.max_length else "",
        f"{field.manifest_max} in the manifest" if field.manifest_max else "",
        "unique" if field.unique else "",
    ]
    return "".join(f", {part}" for part in parts if part)


def _default(field: Field) -> str:
    if field.default in (None, "", []):
        return "none"
    text = json.dumps(field.default, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONG else "see `addin-host integration export`"


def _when(field: Field) -> str:
    if field.required_when == field.available_when:
        return "" if field.required_when == ({},) else " then"
    return "" if field.required_when == ({},) else f" when {_either(field.required_when)}"


def _either(conditions: tuple[Condition, ...]) -> str:
    return ", or ".join(" and ".join(_part(name, expected) for name, expected in one.items()) for one in conditions)


def _part(name: str, expected: object) -> str:
    label = (BY_NAME.get(name) or PLATFORM_BY_NAME[name]).label
    if isinstance(expected, bool):
        return f"“{label}” is {'on' if expected else 'off'}"
    if isinstance(expected, list):
        return f"“{label}” is {' or '.join(expected)}"
    return f"“{label}” {expected}" if str(expected).startswith("contains ") else f"“{label}” is {expected}"
