"""Rules about the manifest as a whole: Id, Version, permissions, sign-on, requirement sets, hosts, forms, locales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from addin_host.domain.manifest.finding import Expected, Finding
from addin_host.domain.manifest.reading import Part
from addin_host.domain.manifest.values import host_of, version_parts

# The highest Mailbox set that each part may demand (design/outlook.md, rule 2): older clients would drop the button.
CEILINGS = {"base": "1.1", "1.0": "1.3", "1.1": "1.5"}


def check_identity(parts: Sequence[Part], expected: Expected) -> Iterator[Finding]:
    """Yield the findings about Id, Version and Permissions, as far as the expected values are known."""
    for part in (part for part in parts if part.scope.name == "base"):
        if part.name == "Id" and expected.addin_id and part.text.lower() != expected.addin_id.lower():
            yield Finding(part.line, "id", f"Id must stay {expected.addin_id} for this add-in.")
        last = expected.last_version if part.name == "Version" else None
        if last and version_parts(part.text) <= version_parts(last):
            yield Finding(part.line, "version-rises", f"Version must be higher than {last}, which was issued before.")
    permissions = next((part for part in parts if part.name == "Permissions"), None)
    if parts and (permissions is None or permissions.text != expected.permissions):
        line = permissions.line if permissions else parts[0].line
        yield Finding(line, "permissions", f"Permissions must be {expected.permissions}.")


def check_sets(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield the requirement sets that ask for more than the oldest supported clients have, or for no version at all."""
    for part in parts:
        if part.name in ("Sets", "bt:Sets"):
            yield from _sets_without_version(part)
        for attribute in ("DefaultMinVersion", "MinVersion"):
            ceiling = CEILINGS[part.scope.name]
            if attribute in part.element.attrib and version_parts(part.get(attribute)) > version_parts(ceiling):
                words = f"{attribute} may be at most {ceiling} here. Test for newer features when the add-in runs."
                yield Finding(part.line, "set-ceiling", words)


def _sets_without_version(sets: Part) -> Iterator[Finding]:
    if not sets.get("DefaultMinVersion") and any(not child.get("MinVersion") for child in sets.element):
        yield Finding(sets.line, "set-version", f"{sets.name} names no version. Add DefaultMinVersion.")


def check_hosts(parts: Sequence[Part], expected: Expected) -> Iterator[Finding]:
    """Yield the addresses on a host that is neither the add-in's own nor an AppDomain."""
    first = next((part.get("DefaultValue") for part in parts if part.name == "SourceLocation"), "")
    own = (expected.addin_host or host_of(first)).lower()
    allowed = {own} | {host_of(part.text) for part in parts if part.name == "AppDomain"}
    for part in parts:
        for kind, label, value in part.values():
            if kind == "url" and (host := host_of(value)) and host not in allowed:
                words = f"{label} is on {host}, which is neither {own} nor an AppDomain. Correct it, or add one."
                yield Finding(part.line, "host", words)
    yield from _first_page(parts, own)


def _first_page(parts: Sequence[Part], own: str) -> Iterator[Finding]:
    """Yield a finding when the add-in's first page, which Exchange tokens name as audience, is on another host."""
    page = next((part for part in parts if part.name == "SourceLocation"), None)
    if page and (host := host_of(page.get("DefaultValue"))) and host != own:
        yield Finding(page.line, "host", f"The first SourceLocation must be on {own}, not on {host}.")


def check_sign_on(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield the finding about a Resource that is not made of the add-in's host and the application's Id."""
    first = next((part.get("DefaultValue") for part in parts if part.name == "SourceLocation"), "")
    own = host_of(first).partition(":")[0]
    for part in (part for part in parts if part.name == "Resource"):
        application = next((one.text.strip() for one in parts if one.name == "Id" and one.parent is part.parent), "")
        if part.text.strip().lower() != f"api://{own}/{application}".lower():
            words = f"Resource must be api://{own}/{application}, as the application's registration says."
            yield Finding(part.line, "sign-on-resource", words)


def check_forms(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield forms that stand twice."""
    seen: set[str] = set()
    for part in parts:
        if part.name == "Form" and part.kind in seen:
            yield Finding(part.line, "repeated", f"FormSettings may hold only one {part.kind} form.")
        if part.name == "Form":
            seen.add(part.kind)


def check_locales(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield locales that one text is given for twice."""
    seen: set[tuple[Part | None, str]] = set()
    for part in parts:
        if not (locale := part.get("Locale").lower()):
            continue
        if (part.parent, locale) in seen:
            words = f"The locale {part.get('Locale')} is given twice for one text. Remove one."
            yield Finding(part.line, "locale-duplicate", words)
        seen.add((part.parent, locale))


def check_overrides(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield a warning for each VersionOverrides that is missing: the clients that read it show no button."""
    present = {part.scope.name for part in parts if part.name == "VersionOverrides"}
    if parts:
        for version in sorted({"1.0", "1.1"} - present):
            words = f"VersionOverrides {version} is missing, so the clients that need it show no button."
            yield Finding(parts[0].line, "overrides", words, "warning")
