"""Buttons and what hangs on them: icon sizes, unique ids, functions, events and the runtimes that answer them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from addin_host.domain.manifest.finding import Expected, Finding
from addin_host.domain.manifest.reading import Part

RIBBON_SIZES = {"16", "32", "80"}
MOBILE_SIZES = {(size, scale) for size in ("25", "32", "48") for scale in ("1", "2", "3")}
_WITH_ID = {"CustomTab", "Group", "Control", "Item"}


def check_commands(parts: Sequence[Part], expected: Expected) -> Iterator[Finding]:
    """Yield the findings about every form factor's commands."""
    for part in parts:
        if part.name == "Icon":
            yield from _check_icon(part)
        if part.name in ("DesktopFormFactor", "MobileFormFactor"):
            yield from _check_form_factor(part, [inner for inner in parts if part in inner.above()])
        if part.kind == "MobileOnlineMeetingCommandSurface":
            yield from _check_phone_button([inner for inner in parts if part in inner.above()])
    yield from _check_events(parts)
    yield from _check_functions(parts, expected)


def _check_icon(part: Part) -> Iterator[Finding]:
    images = [(image.get("size", ""), image.get("scale", "")) for image in part.element]
    doubled = [size for (size, _), count in Counter(images).items() if count > 1]
    if doubled:
        yield Finding(part.line, "icon-sizes", f"The icon size {doubled[0]} is given twice. Remove one.")
    if part.kind:
        if set(images) != MOBILE_SIZES:
            words = "A mobile icon needs the sizes 25, 32 and 48, each at scale 1, 2 and 3, and no others."
            yield Finding(part.line, "icon-sizes", words)
        return
    sizes = {size for size, _ in images}
    if missing := sorted(RIBBON_SIZES - sizes, key=int):
        yield Finding(part.line, "icon-sizes", f"The icon needs the sizes 16, 32 and 80. Add {', '.join(missing)}.")
    if other := sorted(sizes - RIBBON_SIZES - {"64"}):
        yield Finding(part.line, "icon-sizes", f"A ribbon icon has the sizes 16, 32, 80 and 64 only, not {other[0]}.")


def _check_form_factor(form: Part, inside: Sequence[Part]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for part in inside:
        if part.name not in _WITH_ID or not part.get("id"):
            continue
        name = part.get("id")
        if name in first:
            words = f"The id “{name}” stands twice in {form.name}, first in line {first[name]}. Give each its own."
            yield Finding(part.line, "id-duplicate", words)
        first.setdefault(name, part.line)
    calls = [part for part in inside if part.name == "FunctionName"]
    if calls and not any(part.name == "FunctionFile" for part in inside):
        words = f"{form.name} calls a function, so it needs a FunctionFile."
        yield Finding(calls[0].line, "function-file", words)


def _check_phone_button(inside: Sequence[Part]) -> Iterator[Finding]:
    for part in inside:
        if part.name == "Action" and part.kind != "ExecuteFunction":
            words = "The button for online meetings on phones can only run a function, not open a pane."
            yield Finding(part.line, "phone-action", words)


def _check_events(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield events that no runtime answers or that stand twice."""
    runtimes = {part.get("resid") for part in parts if part.name == "Runtime"}
    surfaces = [part for part in parts if part.kind == "LaunchEvent"]
    for extra in surfaces[1:]:
        yield Finding(extra.line, "event-twice", "All events stand in one ExtensionPoint. Move these to the first.")
    for page in (part for part in parts if part.name == "SourceLocation" and part.parent in surfaces):
        if page.get("resid") not in runtimes:
            words = f"Events are answered by a runtime. Add a Runtime with the resid “{page.get('resid')}”."
            yield Finding(page.line, "event-runtime", words)
    seen: set[str] = set()
    for event in (part for part in parts if part.name == "LaunchEvent"):
        if event.get("Type") in seen:
            words = f"The event {event.get('Type')} is answered twice. Remove one LaunchEvent."
            yield Finding(event.line, "event-twice", words)
        seen.add(event.get("Type"))


def _check_functions(parts: Sequence[Part], expected: Expected) -> Iterator[Finding]:
    if expected.functions is None:
        return
    for part in parts:
        for kind, _, value in part.values():
            if kind == "function" and value not in expected.functions:
                yield Finding(part.line, "function", f"The commands page has no function “{value}”.")
