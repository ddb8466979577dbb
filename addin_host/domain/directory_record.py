"""A single user, VMR or alias as a form or the REST interface hands it in: every attribute, one grammar (see
directory_values.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from addin_host.domain import directory_values as grammar
from addin_host.domain.directory_values import Bad, Check
from addin_host.domain.errors import Invalid, Problem

NON_IDP_PARTICIPANTS = ("disallow_all", "allow_if_trusted")
PINS = ("pin", "guest_pin")
REFERENCES = ("host_identity_provider_group_id", "guest_identity_provider_group_id", "ivr_theme_id")

VMR: Mapping[str, Check] = {
    "name": grammar.required(grammar.text(250)),
    "description": grammar.text(250),
    "service_type": grammar.service_type,
    "tag": grammar.text(250),
    "pin": grammar.pin,
    "guest_pin": grammar.pin,
    "allow_guests": grammar.flag,
    "participant_limit": grammar.optional_number(1_000_000),
    "primary_owner_email_address": grammar.email,
    "host_identity_provider_group_id": grammar.reference,
    "guest_identity_provider_group_id": grammar.reference,
    "ivr_theme_id": grammar.reference,
    "non_idp_participants": grammar.choice(NON_IDP_PARTICIPANTS),
    "aliases": grammar.described_aliases,
    "extra": grammar.attributes,
}
ALIAS: Mapping[str, Check] = {
    "alias": grammar.alias,
    "description": grammar.text(250),
    "conference_id": grammar.position,
    "view_order": grammar.position,
}
USER: Mapping[str, Check] = {
    "primary_email_address": grammar.required(grammar.email),
    "first_name": grammar.text(250),
    "last_name": grammar.text(250),
    "display_name": grammar.text(250),
    "telephone_number": grammar.text(100),
    "mobile_number": grammar.text(100),
    "title": grammar.text(128),
    "department": grammar.text(100),
    "avatar_url": grammar.text(255),
    "description": grammar.text(250),
    "user_groups": grammar.words,
    "user_oid": grammar.nullable(grammar.text(255)),
    "exchange_user_id": grammar.nullable(grammar.text(255)),
    "ms_exchange_guid": grammar.nullable(grammar.text(255)),
    "sync_tag": grammar.text(250),
    "uuid": grammar.uuid_text,
}
LABELS: Mapping[str, str] = {
    "name": "Name",
    "description": "Description",
    "service_type": "Kind of VMR",
    "tag": "Tag",
    "pin": "Host PIN",
    "guest_pin": "Guest PIN",
    "allow_guests": "Guests",
    "participant_limit": "Participant limit",
    "primary_owner_email_address": "Owner",
    "host_identity_provider_group_id": "Identity provider group for hosts",
    "guest_identity_provider_group_id": "Identity provider group for guests",
    "ivr_theme_id": "Theme",
    "non_idp_participants": "Participants without identity provider",
    "aliases": "Aliases",
    "extra": "Further attributes",
    "alias": "Alias",
    "conference_id": "VMR",
    "view_order": "Place in the list",
    "primary_email_address": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "display_name": "Display name",
    "telephone_number": "Telephone",
    "mobile_number": "Mobile",
    "title": "Title",
    "department": "Department",
    "avatar_url": "Address of a picture",
    "user_groups": "Groups",
    "user_oid": "Microsoft 365 object id",
    "exchange_user_id": "Exchange user id",
    "ms_exchange_guid": "Exchange mailbox id",
    "sync_tag": "Synchronisation tag",
    "uuid": "UUID",
}


def problem(name: str, message: str) -> Problem:
    """Return a problem of the attribute."""
    return Problem(name, LABELS.get(name, ""), message)


def check(checks: Mapping[str, Check], values: Mapping[str, Any], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the values as they are stored. Raises Invalid with every problem; `required` must be among the values."""
    found: dict[str, Any] = {}
    problems = [problem(name, "is missing. Enter a value.") for name in required if name not in values]
    for name, value in values.items():
        if name not in checks:
            problems.append(problem(name, f"The attribute {name!r} is not known. Leave it out."))
            continue
        try:
            found[name] = checks[name](value)
        except Bad as bad:
            problems.append(problem(name, str(bad)))
    if problems:
        raise Invalid(problems)
    return found
