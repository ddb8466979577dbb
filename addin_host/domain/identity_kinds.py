"""The kinds of identity token that an integration accepts from its pane (design/outlook.md 4.6)."""

from __future__ import annotations

from enum import StrEnum

from addin_host.domain.integration import Integration

METADATA_PATH = "/autodiscover/metadata/json/1"
OFFICE_SCOPE = "access_as_user"  # the one scope that Office's single sign-on asks for


class IdentityKind(StrEnum):
    """A kind of token, by the name that the field table gives it."""

    EXCHANGE = "EXCHANGE_USER_ID_TOKEN"
    SSO = "SSO_TOKEN"
    NAA = "NAA_TOKEN"


def accepted_kinds(integration: Integration) -> tuple[IdentityKind, ...]:
    """Return the kinds that are accepted, the preferred one first."""
    names = (integration["addin_authentication_method"], *(integration["accepted_identity_kinds"] or ()))
    return tuple(dict.fromkeys(IdentityKind(name) for name in names if name))


def metadata_url(entry: str) -> str:
    """Return the address of a metadata document: an entry is a full URL, or a domain (integration_fields.json)."""
    return entry if "://" in entry else f"https://{entry}{METADATA_PATH}"


def metadata_urls(integration: Integration) -> tuple[str, ...]:
    """Return where the keys of the Exchange tokens that are accepted are published."""
    return tuple(dict.fromkeys(metadata_url(str(entry)) for entry in integration["domains"] or ()))


def has_dialog(integration: Integration) -> bool:
    """Whether people can sign in through the dialog: an authorization and a token endpoint are configured."""
    return all(integration[name] for name in ("personal_vmr_oauth_auth_endpoint", "personal_vmr_oauth_token_endpoint"))
