"""The conference platform over its management API (design/scheduling.md section 15, design/rest.md sections 1 to 4).

Everything of ours carries our tag, by which it is found again: after a call whose answer was lost, too. What has
another tag is looked at and never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.directory import SERVICE_TYPES, User, Vmr
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.domain.rooms import TAG_PREFIX, AliasConflict, Platform, PlatformAddress, Room, Taken
from addin_host.gateways.http import Outbound, Route
from addin_host.gateways.management_calls import Api, Calls, Record, Rejected, basic

_SAME_MOMENT = "The conference platform made the VMR at this moment. Try again later."


class ManagementPlatforms:
    """Opens platforms."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy) -> None:
        self._outbound, self._policy = outbound, policy

    def open(self, address: PlatformAddress) -> Platform:
        """Return the platform; nothing is called yet. Raises Misconfigured."""
        policy = replace(self._policy, allow_private=address.internal)
        peer = parse_url(address.url, policy)
        if not address.username or not address.password:
            raise Misconfigured("User name or password of the management API are missing. Enter them in the settings.")
        proxy = "" if address.internal else address.web_proxy
        route = Route(policy, proxy, address.ca_bundle, frozenset({peer.host}))
        parts = urlsplit(address.url)
        root = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
        return ManagementPlatform(Api(self._outbound, route, root, basic(address.username, address.password)))


class ManagementPlatform:
    """The `Platform` of a management API. Safe to share between threads."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def ensure(self, room: Room) -> None:
        """Make or change the room, so that it is as given. Raises AliasConflict."""
        with self._api.operation() as calls:
            wanted = _body(calls, room)
            found = _tagged(calls, room.tag)
            try:
                if not found:
                    _create(calls, wanted, room)
                    return
                _change(calls, found[0], wanted)
                _align_aliases(calls, found[0], room.aliases)
                for double in found[1:]:
                    calls.delete(double)
            except Rejected as refusal:
                raise _reason(calls, room, refusal, is_new=not found) from refusal

    def remove(self, tag: str) -> None:
        """Delete the room with the tag; none is fine."""
        with self._api.operation() as calls:
            for found in _tagged(calls, tag):
                _delete(calls, found)

    def taken(self, aliases: Sequence[str], name: str, tag: str) -> Taken:
        """Return what is used by something other than the room with the tag."""
        with self._api.operation() as calls:
            return _taken(calls, aliases, name, tag)

    def tags(self) -> Iterator[str]:
        """Yield the tags of all rooms that are ours."""
        for found in self._api.listed("conference", tag__startswith=TAG_PREFIX):
            if str(found.get("tag")).startswith(TAG_PREFIX):
                yield str(found["tag"])

    def users(self) -> Iterator[User]:
        """Yield the people whom the platform knows."""
        for found in self._api.listed("end_user"):
            yield User(
                primary_email_address=_text(found, "primary_email_address"),
                first_name=_text(found, "first_name"),
                last_name=_text(found, "last_name"),
                display_name=_text(found, "display_name"),
            )

    def vmrs(self) -> Iterator[Vmr]:
        """Yield the personal VMRs of the platform: those that have an owner."""
        for found in self._api.listed("conference"):
            is_ours = _text(found, "tag").startswith(TAG_PREFIX)
            if (
                _text(found, "primary_owner_email_address")
                and not is_ours
                and found.get("service_type") in SERVICE_TYPES
            ):
                yield _vmr(found)

    def probe(self) -> None:
        """Raise what is wrong with address or credentials."""
        with self._api.operation() as calls:
            calls.page("conference", {"limit": "1"})


def _delete(calls: Calls, found: Record) -> None:
    try:
        calls.delete(found)
    except Rejected as refusal:
        name = _text(found, "name")
        raise Misconfigured(f"The conference platform keeps the VMR {name!r}. {refusal.words}".strip()) from refusal


def _body(calls: Calls, room: Room) -> dict[str, Any]:
    return {
        "name": room.name,
        "description": room.description,
        "service_type": "conference",
        "tag": room.tag,
        "allow_guests": False,
        "primary_owner_email_address": room.owner,
        "non_idp_participants": room.non_idp_participants,
        "ivr_theme": _reference(calls, "ivr_theme", "theme", room.ivr_theme),
        "host_identity_provider_group": _reference(
            calls, "identity_provider_group", "identity provider group", room.host_identity_provider_group
        ),
    }


def _reference(calls: Calls, resource: str, noun: str, name: str) -> str | None:
    """Return the address of what has the name on the platform. Raises Misconfigured when nothing has."""
    if not name:
        return None
    for found in calls.found(resource, name=name):
        if found.get("name") == name:
            return str(found.get("resource_uri"))
    raise Misconfigured(f"The conference platform has no {noun} named {name!r}. Add it there, or choose another one.")


def _tagged(calls: Calls, tag: str) -> list[Record]:
    """Return the rooms with the tag; a server that knows no such filter would give others as well."""
    return [found for found in calls.found("conference", tag=tag) if found.get("tag") == tag]


def _create(calls: Calls, wanted: Mapping[str, Any], room: Room) -> None:
    aliases = [{"alias": alias} for alias in room.aliases]
    calls.create("conference", {**wanted, "aliases": aliases})
    made = _tagged(calls, room.tag)
    if not made:
        raise Upstream("The conference platform does not show the VMR that it made. Try again later.")
    try:
        _align_aliases(calls, made[0], room.aliases)
    except Rejected:
        calls.delete(made[0])
        raise


def _change(calls: Calls, found: Record, wanted: Mapping[str, Any]) -> None:
    different = {name: value for name, value in wanted.items() if _plain(found.get(name)) != (value or None)}
    if different:
        calls.change(found, different)


def _plain(stored: Any) -> Any:
    """Return a stored value for comparing: blank and none are the same, and an object is what its address is."""
    return (stored.get("resource_uri") if isinstance(stored, dict) else stored) or None


def _align_aliases(calls: Calls, found: Record, wanted: Sequence[str]) -> None:
    stored = {str(one.get("alias")).lower(): one for one in _aliases_of(calls, found)}
    missing = [alias for alias in wanted if alias.lower() not in stored]
    for alias in missing:
        calls.create("conference_alias", {"alias": alias, "conference": found["resource_uri"]})
    kept = {alias.lower() for alias in wanted}
    for key in stored.keys() - kept:
        calls.delete(stored[key])


def _aliases_of(calls: Calls, found: Record) -> Sequence[Record]:
    """Return the aliases of a VMR, whether the platform shows them within it or by themselves."""
    nested = found.get("aliases")
    if isinstance(nested, list) and all(isinstance(one, dict) for one in nested):
        return nested
    uri = found.get("resource_uri")
    alone = calls.found("conference_alias", conference=str(found["id"]))
    return [one for one in alone if _plain(one.get("conference")) == uri]


def _reason(calls: Calls, room: Room, refusal: Rejected, *, is_new: bool) -> Exception:
    """Return why the platform does not take a room, by looking at what it has, and at the fields that it names."""
    taken = _taken(calls, room.aliases, room.name, room.tag)
    if taken.aliases:
        return AliasConflict(taken.aliases)
    if taken.name:
        return Misconfigured(f"The conference platform has another VMR named {room.name!r}. Rename one of them.")
    if is_new and _tagged(calls, room.tag):
        return Upstream(_SAME_MOMENT)
    if refusal.fields & {"alias", "aliases"}:
        return AliasConflict([one for one in room.aliases if f"'{one}'" in refusal.words] or room.aliases)
    said = f" It says: {refusal.words}" if refusal.words else ""
    return Misconfigured(f"The conference platform does not accept the VMR {room.name!r}.{said}")


def _taken(calls: Calls, aliases: Sequence[str], name: str, tag: str) -> Taken:
    holders = {alias: _holders(calls, alias) for alias in aliases}
    named = [found for found in calls.found("conference", name=name) if found.get("name") == name]
    if not any(holders.values()) and not named:
        return Taken()
    own = {found.get("resource_uri") for found in _tagged(calls, tag)}
    return Taken(
        tuple(alias for alias, uris in holders.items() if uris - own),
        any(found.get("resource_uri") not in own for found in named),
    )


def _holders(calls: Calls, alias: str) -> set[str]:
    found = calls.found("conference_alias", alias__iexact=alias)
    same = [one for one in found if str(one.get("alias")).lower() == alias.lower()]
    return {str(_plain(one.get("conference"))) for one in same}


def _text(found: Record, name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _vmr(found: Record) -> Vmr:
    nested = found.get("aliases")
    aliases = [one for one in nested if isinstance(one, dict)] if isinstance(nested, list) else []
    return Vmr(
        name=_text(found, "name"),
        description=_text(found, "description"),
        service_type=_text(found, "service_type"),
        pin=_text(found, "pin"),
        guest_pin=_text(found, "guest_pin"),
        allow_guests=bool(found.get("allow_guests")),
        owner=_text(found, "primary_owner_email_address"),
        aliases=tuple(str(one.get("alias")) for one in aliases if one.get("alias")),
    )
