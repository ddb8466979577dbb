"""The resources that scheduling writes, for other programs to read (design/rest.md 4.2).

They are only read: whoever wrote them from outside would have the service put everything back at its next look.
"""

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


def _refers(name: str, to: str, help_text: str, *, nullable: bool = False) -> Attribute:
    return Attribute(name, Kind.REFERENCE, None, Access.READ, nullable=nullable, refers_to=to, help=help_text)


_CONFERENCE = _refers("conference", "conference", "The VMR of the meeting.")
_ALIAS = _refers("scheduled_alias", SCHEDULED_ALIAS.name, "The alias that the meeting has.", nullable=True)
_ITEM = _read("ews_item_id", "The item in the calendar of the equipment mailbox; a hash where its id is too long.")
_SUBJECT = _read("subject", "What the meeting is called.")

RECURRING_CONFERENCE = Resource(
    name="recurring_conference",
    title="Recurring conferences",
    summary="A series of meetings with one VMR, and how far it has come.",
    attributes=(
        key(),
        RESOURCE_URI,
        _CONFERENCE,
        _read("current_index", "How many of its meetings are over.", Kind.INT),
        _read("is_depleted", "Whether its last meeting is over.", Kind.BOOL),
        _ITEM,
        _SUBJECT,
        _ALIAS,
    ),
    see=Permission.SEE_INTEGRATIONS,
)

SCHEDULED_CONFERENCE = Resource(
    name="scheduled_conference",
    title="Scheduled conferences",
    summary="A meeting, or one meeting of a series. Of a series, those of the next two months are there.",
    attributes=(
        key(),
        RESOURCE_URI,
        _CONFERENCE,
        _read("start_time", "When the meeting starts; its VMR can be joined earlier.", Kind.INSTANT),
        _read("end_time", "When the meeting ends; its VMR can be joined for longer.", Kind.INSTANT),
        _SUBJECT,
        _ITEM,
        _read("ews_item_uid", "What Exchange knows the meeting by; a hash where that is too long."),
        _refers("recurring_conference", RECURRING_CONFERENCE.name, "The series that it belongs to.", nullable=True),
        _ALIAS,
    ),
    see=Permission.SEE_INTEGRATIONS,
)
