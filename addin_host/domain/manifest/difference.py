"""What two manifests say differently, in an administrator's words: parsed and compared, not as text.

Outlook keeps all that a manifest says until it is deployed again. The Version alone is no reason to do so: it rises
with every save, whatever was saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from addin_host.domain.fields import BY_NAME
from addin_host.domain.manifest.context import MOBILE_ICONS
from addin_host.domain.manifest.finding import Finding
from addin_host.domain.manifest.reading import Part, parse, walk


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a manifest says: what people call it, and the integration's field that decides it, if any."""

    label: str
    field: str = ""


def _of_field(name: str) -> Fact:
    return Fact(BY_NAME[name].label, name)


VERSION = Fact("Version")
_ICON = _of_field("addin_icon")
_PANE = Fact("Address of the pane", "addin_server_domain")
_REST = Fact("Buttons and requirements")
_COMMANDS = Fact("Address of the commands page", "addin_server_domain")
_COMMAND = _of_field("enable_add_command")
PHONES = _of_field("enable_mobile")
ON_SEND = _of_field("enable_on_send_check")
# What a switch puts into the manifest: the change is told as the switch's, not piece by piece.
_SWITCHES = (_COMMAND, PHONES, ON_SEND)
SIGN_ON = Fact("Single sign-on", "addin_application_id")
_WITHIN: Mapping[str, Fact] = {
    "addRoomButton": _COMMAND,
    "MobileFormFactor": PHONES,
    "Runtimes": ON_SEND,
    "LaunchEvent": ON_SEND,
    "WebApplicationInfo": SIGN_ON,
}
# By the element's name, or the id of a resource.
_FACTS: Mapping[str, Fact] = {
    "Id": Fact("Id of the add-in", "uuid"),
    "Version": VERSION,
    "ProviderName": _of_field("addin_provider_name"),
    "DefaultLocale": _of_field("default_locale"),
    "DisplayName": _of_field("addin_display_name"),
    "Description": _of_field("addin_description"),
    "addinDescription": _of_field("addin_description"),
    "IconUrl": _ICON,
    "HighResolutionIconUrl": _ICON,
    "icon16": _ICON,
    "icon32": _ICON,
    "icon80": _ICON,
    "SourceLocation": _PANE,
    "paneUrl": _PANE,
    "AppDomain": Fact("Addresses that the add-in opens", "personal_vmr_oauth_auth_endpoint"),
    "Permissions": Fact("Permissions"),
    "groupLabel": _of_field("addin_group_label"),
    "buttonLabel": _of_field("addin_button_label"),
    "supertipTitle": _of_field("addin_supertip_title"),
    "supertipText": _of_field("addin_supertip_description"),
    "addLabel": _of_field("addin_pane_button_title"),
    "FunctionFile": _COMMANDS,
    "commandsUrl": _COMMANDS,
    "launchUrl": _COMMANDS,
    **{f"grey{pixels}": PHONES for pixels in sorted({size * scale for size, scale in MOBILE_ICONS})},
}


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that differs. `before` and `after` are empty where naming the values would help nobody."""

    fact: Fact
    before: str
    after: str

    @property
    def is_kept_by_outlook(self) -> bool:
        """Whether people see the old value until the manifest is deployed again."""
        return self.fact is not VERSION


_STRUCTURES = (_REST, *_SWITCHES)


def manifest_changes(old: bytes, new: bytes) -> list[Change]:
    """Return what differs between two manifests, each of which could be parsed; the Version stands last."""
    before, after = _facts(_parts(old)), _facts(_parts(new))
    changed = [fact for fact in dict.fromkeys([*before, *after]) if before.get(fact) != after.get(fact)]
    changed.sort(key=lambda fact: fact is VERSION)
    return [_change(fact, before, after) for fact in changed]


def _change(fact: Fact, before: Mapping[Fact, tuple[str, ...]], after: Mapping[Fact, tuple[str, ...]]) -> Change:
    old, new = _shown(fact, before), _shown(fact, after)
    return Change(fact, old, new) if old != new else Change(fact, "", "")


def needs_deploying(changes: Iterable[Change]) -> bool:
    """Whether Outlook shows something old until the manifest is deployed again."""
    return any(change.is_kept_by_outlook for change in changes)


def fact_at(xml: bytes, finding: Finding) -> Fact | None:
    """Return what a finding's line is about, when a person can name it."""
    found = [fact for part in _parts(xml) if part.line == finding.line and (fact := _fact_of(part)) is not _REST]
    return found[-1] if found else None


def _parts(xml: bytes) -> list[Part]:
    root = parse(xml)
    return [] if isinstance(root, Finding) else walk(root)[0]


def _fact_of(part: Part) -> Fact:
    for around in (part, *part.above()):
        for name in (around.get("id"), around.name, around.kind):
            if name in _WITHIN:
                return _WITHIN[name]
    named = part.get("id") if part.name.startswith("bt:") else part.name
    refers = "resid" in part.element.attrib and part.name != "FunctionFile"
    return _REST if refers else _FACTS.get(named, _REST)


def _facts(parts: Iterable[Part]) -> dict[Fact, tuple[str, ...]]:
    """Return the values of each fact; both VersionOverrides repeat most of them."""
    found: dict[Fact, list[str]] = {}
    for part in parts:
        fact = _fact_of(part)
        found.setdefault(fact, []).extend(_structure(part) if fact in _STRUCTURES else _values(part))
    return {fact: tuple(values if fact in _STRUCTURES else dict.fromkeys(values)) for fact, values in found.items()}


def _values(part: Part) -> list[str]:
    return [value for kind, _label, value in part.values() if kind != "resource" and not kind.startswith("resid-")]


def _structure(part: Part) -> list[str]:
    """Return what a part is and refers to. Addresses of icons are told by the icon."""
    if part.key == "bt:Images/bt:Image":
        return [part.get("id")]
    place = "/".join([*(above.name for above in part.above()), part.name, part.kind])
    return [place, *(f"{label}={value}" for _kind, label, value in part.values())]


def _shown(fact: Fact, facts: Mapping[Fact, tuple[str, ...]]) -> str:
    """Return the values in words; of the icon's many addresses, the first."""
    values = facts.get(fact, ())
    if fact is _REST:
        return ""
    if fact in _SWITCHES:
        return "on" if values else "off"
    return next(iter(values), "") if fact is _ICON else ", ".join(values)
