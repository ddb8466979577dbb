"""What a REST resource is: one description that lists, filters, writes, documents and shows itself to people.

Sources: design/rest.md. Nothing here knows how a resource is stored; flows/rest_*.py does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from addin_host.domain.access import Permission

ROOT = "/api/admin"
DEFAULT_LIMIT, MAX_LIMIT = 20, 1000


class Area(StrEnum):
    """Where a resource lives; the value is part of its address."""

    CONFIGURATION = "configuration"
    STATUS = "status"


class Kind(StrEnum):
    """What an attribute is in JSON; the value is the word that people read."""

    TEXT = "text"
    BOOL = "true or false"
    INT = "whole number"
    INSTANT = "date and time"
    REFERENCE = "address of another object"
    NESTED = "list of objects"
    WORDS = "list of texts"


class Access(StrEnum):
    """What a client may do with an attribute; the value is the word that people read."""

    FULL = "read and write"
    READ = "read only"
    WRITE = "write only"
    ONCE = "written on creation only"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a resource.

    `low` and `high` bound a number; `refers_to` names the resource of a REFERENCE or NESTED attribute; `one_line` texts
    are those of the directory, which take no line breaks and no blanks at their ends.
    """

    name: str
    kind: Kind = Kind.TEXT
    default: Any = ""
    access: Access = Access.FULL
    required: bool = False
    nullable: bool = False
    max_length: int | None = None
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    refers_to: str = ""
    filterable: bool = True
    one_line: bool = False
    extension: bool = False
    label: str = ""
    help: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether answers hold it."""
        return self.access is not Access.WRITE

    def is_taken(self, *, creating: bool) -> bool:
        """Whether a request may set it."""
        return self.access in (Access.FULL, Access.WRITE) or (creating and self.access is Access.ONCE)

    @property
    def is_filterable(self) -> bool:
        """Whether a query may name it. Secrets may not: a filter that answers yes or no would tell them."""
        return self.filterable and self.is_shown and self.kind is not Kind.WORDS


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource: its attributes, and the permissions that reading, changing, and creating or deleting ask for.

    `change` is None for what is only read. `is_open` resources keep attributes that this program does not know.
    `bulk` is how many objects one PATCH of the list may hold.
    """

    name: str
    title: str
    summary: str
    attributes: tuple[Attribute, ...]
    see: Permission
    change: Permission | None = None
    create: Permission | None = None
    area: Area = Area.CONFIGURATION
    is_open: bool = False
    bulk: int = 1000
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address of its list."""
        return f"{ROOT}/{self.area}/v1/{self.name}/"

    def uri(self, number: int) -> str:
        """Return the address of one object."""
        return f"{self.address}{number}/"

    @property
    def by_name(self) -> Mapping[str, Attribute]:
        """Its attributes by name."""
        return {attribute.name: attribute for attribute in self.attributes}


def key(help_text: str = "The number of the object.") -> Attribute:
    """Return the attribute `id`."""
    return Attribute("id", Kind.INT, None, Access.READ, help=help_text)


RESOURCE_URI = Attribute(
    "resource_uri", access=Access.READ, filterable=False, help="The address of the object, which others refer to."
)
CREATION_TIME = Attribute("creation_time", Kind.INSTANT, None, Access.READ, help="When the object was created.")
