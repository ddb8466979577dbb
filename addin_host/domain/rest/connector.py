"""The resource `ms_exchange_connector`: an integration, attribute by attribute out of the field table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from addin_host.domain.access import Permission
from addin_host.domain.fields import FIELDS, Field
from addin_host.domain.rest.resource import RESOURCE_URI, Access, Attribute, Kind, Resource, key

NAME = "ms_exchange_connector"
_IN_THE_BROWSER_ONLY = "addin_icon"
_REFERS_TO: Mapping[str, str] = {
    "ivr_theme": "ivr_theme",
    "host_identity_provider_group": "identity_provider_group",
    "domains": "exchange_domain",
}
_KINDS: Mapping[str, Kind] = {
    "bool": Kind.BOOL,
    "int": Kind.INT,
    "reference": Kind.REFERENCE,
    "list_of_choices": Kind.WORDS,
    "list_of_url_or_fqdn": Kind.NESTED,
}


def _attribute(field: Field) -> Attribute:
    low, high = field.range or (None, None)
    kind = _KINDS.get(field.kind, Kind.TEXT)
    return Attribute(
        name=field.name,
        kind=kind,
        default=_default(field, kind),
        access=_access(field),
        required={} in field.required_when and field.default is None,
        nullable=field.nullable_in_rest_api and not field.is_secret,
        max_length=field.max_length if kind is Kind.TEXT else None,
        low=low,
        high=high,
        choices=field.choices,
        refers_to=_REFERS_TO.get(field.name, ""),
        extension=field.extension,
        label=field.label,
        help=field.help,
    )


def _default(field: Field, kind: Kind) -> Any:
    if field.default is None and kind is Kind.TEXT and not field.nullable_in_rest_api:
        return ""
    return field.default


def _access(field: Field) -> Access:
    if field.is_secret:
        return Access.WRITE
    if field.name == "uuid":
        return Access.ONCE
    return Access.FULL if field.is_editable else Access.READ


_RESOURCE_ID = Attribute("resource_id", Kind.INT, None, Access.READ, help="The same number as `id`.")

CONNECTOR = Resource(
    name=NAME,
    title="Integrations",
    summary="One integration of the add-in with Exchange or Microsoft 365: every field of its form but the icon.",
    attributes=(
        key("The number of the integration; it is part of the add-in's addresses."),
        _RESOURCE_ID,
        RESOURCE_URI,
        *[_attribute(field) for field in FIELDS if field.name != _IN_THE_BROWSER_ONLY],
    ),
    see=Permission.SEE_INTEGRATIONS,
    change=Permission.CHANGE_INTEGRATIONS,
    create=Permission.CREATE_INTEGRATIONS,
    bulk=20,
    example={
        "name": "Sales",
        "enable_dynamic_vmrs": False,
        "enable_personal_vmrs": True,
        "addin_server_domain": "vmr.example.com",
        "auth_provider": "ADFS",
        "personal_vmr_oauth_auth_endpoint": "https://adfs.example.com/adfs/oauth2/authorize",
        "personal_vmr_oauth_token_endpoint": "https://adfs.example.com/adfs/oauth2/token",
        "personal_vmr_adfs_relying_party_trust_identifier": "https://vmr.example.com/adfs",
    },
)

EXCHANGE_DOMAIN = Resource(
    name="exchange_domain",
    title="Exchange metadata domains",
    summary="A host name or https address that Exchange identity tokens of an integration may come from.",
    attributes=(
        key(),
        RESOURCE_URI,
        Attribute(
            "domain",
            required=True,
            max_length=192,
            help="A host name such as mail.example.com, or the https address of an authentication metadata document.",
        ),
        Attribute(
            "exchange_connector",
            Kind.REFERENCE,
            None,
            nullable=True,
            refers_to=NAME,
            help="The integration. A domain of none may be given to one later, by writing the integration's `domains`.",
        ),
        Attribute("creation_time", Kind.INSTANT, None, Access.READ, help="When the object was created."),
    ),
    see=Permission.SEE_INTEGRATIONS,
    change=Permission.CHANGE_INTEGRATIONS,
    create=Permission.CHANGE_INTEGRATIONS,
    bulk=20,
    example={"domain": "mail.example.com"},
)


def pattern_of(resource: str) -> re.Pattern[str]:
    """Return what an address of an object of the resource looks like; the number is the first group."""
    return re.compile(rf"(?:https?://[^/\s]{{1,300}})?/api/admin/[a-z]+/v1/{resource}/([0-9]{{1,18}})/?", re.ASCII)
