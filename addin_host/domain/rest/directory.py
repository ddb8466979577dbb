"""The resources of the directory: VMRs, their aliases, users, and the small lists that others refer to."""

from __future__ import annotations

from addin_host.domain.access import Permission
from addin_host.domain.directory import SERVICE_TYPES
from addin_host.domain.rest.resource import CREATION_TIME, RESOURCE_URI, Access, Attribute, Kind, Resource, key

_SEE, _CHANGE = Permission.SEE_DIRECTORY, Permission.CHANGE_DIRECTORY
NON_IDP_PARTICIPANTS = ("disallow_all", "allow_if_trusted")


def _line(name: str, most: int, help_text: str, *, required: bool = False) -> Attribute:
    return Attribute(name, required=required, max_length=most, one_line=True, help=help_text)


def _id_of_elsewhere(name: str, help_text: str) -> Attribute:
    return Attribute(name, default=None, nullable=True, max_length=255, one_line=True, help=help_text)


def _refers(name: str, to: str, help_text: str) -> Attribute:
    return Attribute(name, Kind.REFERENCE, None, nullable=True, refers_to=to, help=help_text)


def _pin(name: str, help_text: str) -> Attribute:
    return Attribute(name, max_length=20, filterable=False, help=help_text)


_SHOWN_TO_WHO_MAY_SEE = "Answered only to API users that may see PINs; to others it is empty, and empty keeps it."

CONFERENCE = Resource(
    name="conference",
    title="VMRs",
    summary="A virtual meeting room. Attributes that are not listed are stored as they are sent, and answered.",
    attributes=(
        key(),
        RESOURCE_URI,
        _line("name", 250, "Unique over all VMRs.", required=True),
        _line("description", 250, "A note for people."),
        Attribute("service_type", default="conference", choices=SERVICE_TYPES, help="What kind of room it is."),
        _line("tag", 250, "A note for programs."),
        _pin("pin", f"The host PIN: 4 to 20 digits, or empty. {_SHOWN_TO_WHO_MAY_SEE}"),
        _pin("guest_pin", f"The guest PIN: 4 to 20 digits, or empty. {_SHOWN_TO_WHO_MAY_SEE}"),
        Attribute("allow_guests", Kind.BOOL, default=False, help="Whether guests are told from hosts."),
        Attribute("participant_limit", Kind.INT, None, nullable=True, low=0, high=1_000_000, help="Empty for none."),
        _line("primary_owner_email_address", 100, "The address of the person whose VMR it is."),
        _refers("host_identity_provider_group", "identity_provider_group", "How hosts sign in."),
        _refers("guest_identity_provider_group", "identity_provider_group", "How guests sign in."),
        _refers("ivr_theme", "ivr_theme", "The theme that participants see."),
        Attribute(
            "non_idp_participants",
            default="disallow_all",
            choices=NON_IDP_PARTICIPANTS,
            help="Whether devices join that cannot sign in.",
        ),
        Attribute(
            "aliases",
            Kind.NESTED,
            default=(),
            refers_to="conference_alias",
            help="Read as objects; written as objects with `alias` and `description`, or as addresses. Replaces all.",
        ),
        Attribute("automatic_participants", Kind.WORDS, default=(), help="Addresses of objects; kept as sent."),
        Attribute(
            "scheduled_conferences", Kind.WORDS, (), Access.READ, help="The times at which its meeting takes place."
        ),
        Attribute(
            "scheduled_conferences_count", Kind.INT, 0, Access.READ, filterable=False, help="How many there are."
        ),
        CREATION_TIME,
    ),
    see=_SEE,
    change=_CHANGE,
    create=_CHANGE,
    is_open=True,
    example={
        "name": "Alice Example",
        "service_type": "conference",
        "primary_owner_email_address": "alice@example.com",
        "aliases": [{"alias": "alice@example.com", "description": "Preferred"}],
    },
)

CONFERENCE_ALIAS = Resource(
    name="conference_alias",
    title="Aliases",
    summary="What people dial to reach a VMR.",
    attributes=(
        key(),
        RESOURCE_URI,
        Attribute(
            "alias",
            required=True,
            max_length=250,
            one_line=True,
            help="Letters, digits and the characters . @ _ + -; unique over all VMRs, whatever the case.",
        ),
        Attribute(
            "conference", Kind.REFERENCE, None, required=True, refers_to="conference", help="The VMR it belongs to."
        ),
        _line("description", 250, "A note for people."),
        Attribute("view_order", Kind.INT, default=0, low=0, high=2**31 - 1, help="The place among the VMR's aliases."),
        CREATION_TIME,
    ),
    see=_SEE,
    change=_CHANGE,
    create=_CHANGE,
    example={"alias": "sales@example.com", "conference": "/api/admin/configuration/v1/conference/1/"},
)

END_USER = Resource(
    name="end_user",
    title="Users",
    summary="A person who may own VMRs. Deleting one asks for a new sign-in to personal VMRs; the VMRs stay.",
    attributes=(
        key(),
        RESOURCE_URI,
        _line("primary_email_address", 100, "Unique, whatever the case of its letters.", required=True),
        _line("first_name", 250, "The first name."),
        _line("last_name", 250, "The last name."),
        _line("display_name", 250, "The name that people see."),
        _line("telephone_number", 100, "The telephone number."),
        _line("mobile_number", 100, "The mobile number."),
        _line("title", 128, "The person's position."),
        _line("department", 100, "The person's department."),
        _line("avatar_url", 255, "The address of a picture."),
        _line("description", 250, "A note for people."),
        Attribute("uuid", access=Access.ONCE, max_length=36, help="The lasting identity; a new one when left out."),
        Attribute("user_groups", Kind.WORDS, default=(), help="Addresses of groups; kept as sent."),
        _id_of_elsewhere("user_oid", "The object id in Microsoft 365."),
        _id_of_elsewhere("exchange_user_id", "The id of the user in Exchange."),
        _id_of_elsewhere("ms_exchange_guid", "The id of the mailbox in the directory."),
        _line("sync_tag", 250, "A note of the program that keeps the directory in step."),
    ),
    see=_SEE,
    change=_CHANGE,
    create=_CHANGE,
    example={"primary_email_address": "alice@example.com", "first_name": "Alice", "last_name": "Example"},
)


def _list(name: str, title: str, summary: str, entry: str) -> Resource:
    attributes = (key(), RESOURCE_URI, _line("name", 250, "Unique within the list.", required=True))
    lists = Permission.CHANGE_LISTS
    return Resource(name, title, summary, attributes, _SEE, lists, lists, example={"name": entry})


IVR_THEME = _list("ivr_theme", "Themes", "A theme of the conference platform, by name.", "Corporate")
IDENTITY_PROVIDER_GROUP = _list(
    "identity_provider_group",
    "Identity provider groups",
    "A group of identity providers of the conference platform, by name.",
    "Employees",
)
