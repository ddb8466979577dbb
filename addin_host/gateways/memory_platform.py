"""A conference platform in memory, for the demo and the tests: the rooms of ours, and what others have there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import RLock

from addin_host.domain.directory import User, Vmr
from addin_host.domain.errors import HostError
from addin_host.domain.rooms import AliasConflict, Platform, PlatformAddress, Room, Taken


class MemoryPlatform:
    """The platform. Safe to share between threads.

    `rooms` are ours, by tag. `others` are the names of other services, each with its aliases. `calls` counts.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._troubles: list[HostError] = []
        self.rooms: dict[str, Room] = {}
        self.others: dict[str, tuple[str, ...]] = {}
        self.people: list[User] = []
        self.personal: list[Vmr] = []
        self.calls = 0

    def open(self, address: PlatformAddress) -> Platform:
        """Return the platform itself, whatever its address."""
        del address
        return self

    def trouble(self, *troubles: HostError) -> None:
        """Let the next calls fail, one after the other."""
        with self._lock:
            self._troubles.extend(troubles)

    def ensure(self, room: Room) -> None:
        """Make or change the room. Raises AliasConflict."""
        with self._lock:
            self._called()
            if taken := self._taken(room.aliases, room.tag):
                raise AliasConflict(taken)
            self.rooms[room.tag] = room

    def remove(self, tag: str) -> None:
        """Delete the room with the tag; none is fine."""
        with self._lock:
            self._called()
            self.rooms.pop(tag, None)

    def taken(self, aliases: Sequence[str], name: str, tag: str) -> Taken:
        """Return what is used by something other than the room with the tag."""
        with self._lock:
            self._called()
            names = {room.name for room in self.rooms.values() if room.tag != tag} | set(self.others)
            return Taken(self._taken(aliases, tag), name in names)

    def tags(self) -> Iterator[str]:
        """Yield the tags of all rooms that are ours."""
        with self._lock:
            self._called()
            yield from sorted(self.rooms)

    def users(self) -> Iterator[User]:
        """Yield the people whom the platform knows."""
        with self._lock:
            self._called()
            yield from list(self.people)

    def vmrs(self) -> Iterator[Vmr]:
        """Yield the personal VMRs."""
        with self._lock:
            self._called()
            yield from list(self.personal)

    def probe(self) -> None:
        """Find nothing wrong, unless there is trouble."""
        with self._lock:
            self._called()

    def _called(self) -> None:
        self.calls += 1
        if self._troubles:
            raise self._troubles.pop(0)

    def _taken(self, aliases: Sequence[str], tag: str) -> tuple[str, ...]:
        used = {alias.lower() for room in self.rooms.values() if room.tag != tag for alias in room.aliases}
        used |= {alias.lower() for own in self.others.values() for alias in own}
        return tuple(alias for alias in aliases if alias.lower() in used)
