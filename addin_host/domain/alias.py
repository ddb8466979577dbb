"""Aliases: how those of a VMR are sorted (the document's section "Variables"), and how single-use ones are drawn."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

_CHARSET = re.compile(r"[A-Za-z0-9.@_+\-]{1,250}")


@dataclass(frozen=True, slots=True)
class AliasLists:
    """A VMR's aliases in the directory's order: all of them, and each in exactly one of the three kinds."""

    all: tuple[str, ...]
    domain: tuple[str, ...]
    numeric: tuple[str, ...]
    other: tuple[str, ...]

    @property
    def preferred(self) -> str:
        """The address to show: a domain alias, else another one, else a number, else nothing."""
        return next(iter((*self.domain, *self.other, *self.numeric)), "")


def is_alias(text: str) -> bool:
    """Whether the text may be an alias: letters, digits and . @ _ + - only, 250 characters at most."""
    return bool(_CHARSET.fullmatch(text))


def sort_aliases(aliases: Sequence[str]) -> AliasLists:
    """Split aliases into those with a domain, those of digits alone, and the rest. Order is kept."""
    domain = tuple(alias for alias in aliases if "@" in alias.strip("@"))
    numeric = tuple(alias for alias in aliases if alias.isascii() and alias.isdigit())
    other = tuple(alias for alias in aliases if alias not in domain and alias not in numeric)
    return AliasLists(tuple(aliases), domain, numeric, other)


@dataclass(frozen=True, slots=True)
class AliasPattern:
    """What the single-use aliases of an integration look like: prefix, random digits, @, domain."""

    prefix: str
    digits: int
    domain: str

    @property
    def space(self) -> int:
        """How many different numbers there are."""
        return int(10**self.digits)


@dataclass(frozen=True, slots=True)
class DrawnAlias:
    """A single-use alias: the random number, the text to dial, and the address."""

    number: int
    numeric: str
    alias: str


def draw_alias(pattern: AliasPattern) -> DrawnAlias:
    """Return an alias that nobody can guess; whether it is taken is for the database to say."""
    number = secrets.randbelow(pattern.space)
    numeric = f"{pattern.prefix}{number:0{pattern.digits}}"
    return DrawnAlias(number, numeric, f"{numeric}@{pattern.domain}")
