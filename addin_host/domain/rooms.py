"""The port to the conference platform (design/scheduling.md section 15).

Every method ends within 30 seconds and raises nothing but Upstream and Misconfigured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from addin_host.domain.directory import User, Vmr
from addin_host.domain.errors import Reason, Refused

TAG_PREFIX = "sched:"


@dataclass(frozen=True, slots=True)
class Room:
    """A conference as the platform is to have it, all of it; `tag` is `sched:` and the uuid of the conference.

    Names of themes and groups are blank where none is chosen.
    """

    tag: str
    name: str
    description: str
    aliases: tuple[str, ...]
    ivr_theme: str = ""
    host_identity_provider_group: str = ""
    non_idp_participants: str = "disallow_all"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the platform has already that is not ours: some of the aliases, and whether the name."""

    aliases: tuple[str, ...] = ()
    name: bool = False


class AliasConflict(Refused):
    """The platform has one of the aliases for another service."""

    def __init__(self, aliases: Sequence[str]) -> None:
        super().__init__(Reason.CONFLICT, f"The conference platform uses {', '.join(aliases)} for another service.")
        self.aliases = tuple(aliases)


class Platform(Protocol):
    """Where rooms exist beside our own tables. `ensure` and `remove` may be repeated; what has no tag of ours stays."""

    def ensure(self, room: Room) -> None:
        """Make or change the room, so that it is as given. Raises AliasConflict."""
        ...

    def remove(self, tag: str) -> None:
        """Delete the room with the tag; none is fine."""
        ...

    def taken(self, aliases: Sequence[str], name: str, tag: str) -> Taken:
        """Return what is used by something other than the room with the tag."""
        ...

    def tags(self) -> Iterator[str]:
        """Yield the tags of all rooms that are ours."""
        ...

    def users(self) -> Iterator[User]:
        """Yield the people whom the platform knows."""
        ...

    def vmrs(self) -> Iterator[Vmr]:
        """Yield the personal VMRs of the platform: those that have an owner."""
        ...

    def probe(self) -> None:
        """Raise what is wrong with address or credentials."""
        ...


@dataclass(frozen=True, slots=True)
class PlatformAddress:
    """Where the management API is. `url` is its root, such as https://manager.example.com."""

    url: str
    username: str
    password: str
    internal: bool = False
    ca_bundle: str = ""
    web_proxy: str = ""


class Platforms(Protocol):
    """Opens the platform of a management API."""

    def open(self, address: PlatformAddress) -> Platform:
        """Return the platform; nothing is called yet. Raises Misconfigured."""
        ...
