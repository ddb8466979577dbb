"""The resources that scheduling writes, for other programs to read (design/rest.md 4.2)."""

from __future__ import annotations

from addin_host.domain.access import Permission
from addin_host.domain.rest.connector import CONNECTOR
from addin_host.domain.rest.resource import CREATION_TIME, RESOURCE_URI, Access, Attribute, Kind, Resource, key


def _read(name: str, help_text: str, kind: Kind = Kind.TEXT, *, nullable: bool = False) -> Attribute:
    return Attribute(name, kind, None if nullable else "", Access.READ, nullable=nullable, help=help_text)


SCHEDULED_ALIAS = Resource(
    name="scheduled_alias",
    title="Scheduled aliases",
    summary="An alias that was handed out for one meeting, until its number is given back.",
    attributes=(
        key(),
        RESOURCE_URI,
        _read("alias", "The address: prefix and number, @, domain."),
        _read("alias_number", "The random part as a number.", Kind.INT),
        _read("numeric_alias", "What is dialled: prefix and number."),
        _read("uuid", "What the tag in the invitation says."),
        Attribute(
            "exchange_connector",
            Kind.REFERENCE,
            None,
            Access.READ,
            refers_to=CONNECTOR.name,
            help="The integration that handed it out. It may be deleted by now.",
        ),
        _read("is_used", "Whether a meeting was sent with it.", Kind.BOOL),
        _read("ews_item_uid", "The meeting that it belongs to.", nullable=True),
        CREATION_TIME,
        _read(
            "conference_deletion_time",
            "When the VMR of the meeting was deleted. The number stays taken for a while.",
            Kind.INSTANT,
            nullable=True,
        ),
    ),
    see=Permission.SEE_INTEGRATIONS,
)
