"""The resources that tell how the service is doing."""

from __future__ import annotations

from addin_host.domain.access import Permission
from addin_host.domain.rest.resource import RESOURCE_URI, Access, Area, Attribute, Kind, Resource, key


def _read(name: str, help_text: str, kind: Kind = Kind.TEXT, *, filterable: bool = True) -> Attribute:
    return Attribute(name, kind, None, Access.READ, filterable=filterable, help=help_text)


ALARM = Resource(
    name="alarm",
    title="Alarms",
    summary="The alarms that stand at this moment.",
    attributes=(
        key(),
        RESOURCE_URI,
        _read("identifier", "What kind of alarm it is."),
        _read("name", "What happened, in short."),
        _read("level", "How bad it is."),
        _read("node", "Always empty: alarms are the deployment's, not one node's.", filterable=False),
        _read("instance", "What it is about."),
        _read("details", "What happened, at length."),
        _read("time_raised", "Since when it stands.", Kind.INSTANT),
        _read("acknowledged", "Whether somebody has seen it.", Kind.BOOL),
    ),
    see=Permission.SEE_ALARMS,
    area=Area.STATUS,
)

EXCHANGE_SCHEDULER = Resource(
    name="exchange_scheduler",
    title="Schedulers",
    summary="The work on each integration's equipment mailbox.",
    attributes=(
        key("The number of the integration."),
        RESOURCE_URI,
        _read("exchange_connector_id", "The number of the integration.", Kind.INT),
        _read("last_modified_time", "When an item was last processed, or the integration created.", Kind.INSTANT),
    ),
    see=Permission.SEE_INTEGRATIONS,
    area=Area.STATUS,
)

SCHEDULING_OPERATION = Resource(
    name="scheduling_operation",
    title="Scheduling operations",
    summary="One step of the work on a meeting: what was read, decided, done to its VMR, answered.",
    attributes=(
        key(),
        RESOURCE_URI,
        _read("creation_time", "When it was done.", Kind.INSTANT),
        _read("transaction_uuid", "The correlation id: the same for all steps of one operation, and its reply."),
        _read("success", "Whether it was done.", Kind.BOOL),
        _read("error_code", "Why not, for programs."),
        _read("error_description", "Why not, for people."),
        Attribute(
            "resource_id", Kind.INT, None, Access.READ, nullable=True, help="The number of the VMR that was created."
        ),
    ),
    see=Permission.SEE_INTEGRATIONS,
    area=Area.STATUS,
)
