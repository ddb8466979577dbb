"""Resources: every resid is defined once in its own VersionOverrides, of the right kind, and none is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from addin_host.domain.manifest.finding import Finding
from addin_host.domain.manifest.reading import Part

_KIND_OF_LIST = {"bt:Images": "image", "bt:Urls": "url", "bt:ShortStrings": "short", "bt:LongStrings": "long"}
_LIST_OF_KIND = {kind: name for name, kind in _KIND_OF_LIST.items()}


def check_resources(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield the findings of both VersionOverrides, each looked up in its own Resources only."""
    for scope in ("1.0", "1.1"):
        yield from _check_scope([part for part in parts if part.scope.name == scope])


def _check_scope(parts: Sequence[Part]) -> Iterator[Finding]:
    defined: dict[str, Part] = {}
    for part in parts:
        if part.shape.attributes.get("id") != "resource":
            continue
        name = part.get("id")
        if name in defined:
            words = f"The resource id “{name}” is defined twice, first in line {defined[name].line}."
            yield Finding(part.line, "resid-duplicate", words)
        defined.setdefault(name, part)
    used = set()
    for part in parts:
        if kind := _reference(part):
            used.add(part.get("resid"))
            yield from _check_reference(part, kind, defined)
    for name, part in defined.items():
        if name not in used:
            yield Finding(part.line, "resid-unused", f"Nothing uses the resource “{name}”. Remove it.")


def _reference(part: Part) -> str:
    """Return the kind of resource that a part refers to, or `""`."""
    kind = part.shape.attributes.get("resid", "") if "resid" in part.element.attrib else ""
    return kind.removeprefix("resid-")


def _check_reference(part: Part, kind: str, defined: Mapping[str, Part]) -> Iterator[Finding]:
    name = part.get("resid")
    target = defined.get(name)
    place = _LIST_OF_KIND[kind]
    if target is None:
        words = f"The resource “{name}” is not defined in VersionOverrides {part.scope.name}. Add it to {place}."
        yield Finding(part.line, "resid-unknown", words)
    elif target.parent and _KIND_OF_LIST[target.parent.name] != kind:
        words = f"{part.name} needs a resource of {place}, but “{name}” is in {target.parent.name}."
        yield Finding(part.line, "resid-kind", words)
