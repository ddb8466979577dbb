"""The checker of the XML add-in manifest; it enforces design/outlook.md 1.9."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from addin_host.domain.manifest.commands import check_commands
from addin_host.domain.manifest.finding import Expected, Finding
from addin_host.domain.manifest.identity import (
    check_forms,
    check_hosts,
    check_identity,
    check_locales,
    check_overrides,
    check_sets,
    check_sign_on,
)
from addin_host.domain.manifest.reading import Part, parse, walk
from addin_host.domain.manifest.resources import check_resources
from addin_host.domain.manifest.values import check_value


def check_manifest(xml: bytes, *, expected: Expected | None = None) -> list[Finding]:
    """Return everything that is wrong with a manifest, by line; an empty list means that it may be installed.

    Without `expected` only what the file itself tells is checked, and the permissions. Never raises for any input.
    """
    root = parse(xml)
    if isinstance(root, Finding):
        return [root]
    parts, findings = walk(root)
    findings += _check_values(parts)
    known = expected or Expected()
    for rule in (check_identity, check_hosts, check_commands):
        findings += rule(parts, known)
    for plain_rule in (check_sets, check_sign_on, check_forms, check_locales, check_overrides, check_resources):
        findings += plain_rule(parts)
    return sorted(findings)


def _check_values(parts: Sequence[Part]) -> Iterator[Finding]:
    for part in parts:
        for kind, label, value in part.values():
            yield from check_value(kind, label, value, part.line)
