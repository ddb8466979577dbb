"""The addresses that a provider must know before it sends people back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from addin_host.domain.identity_kinds import OFFICE_SCOPE, IdentityKind, accepted_kinds, has_dialog
from addin_host.domain.integration import Integration

_ENTRA = "Microsoft Entra ID (Azure)"
_ALL_OFFICE = "ea5a67f6-b6f3-4338-b240-c655ddc3cc8e"
_FORM_OF_TOKENS = (
    "Choose Manifest and set requestedAccessTokenVersion to 2, so that tokens are of the version that is read here."
)


@dataclass(frozen=True, slots=True)
class Registration:
    """One address to register: for what, where, and the steps. `field` is the one that decides about it."""

    purpose: str
    provider: str
    address: str
    steps: tuple[str, ...]
    field: str


def registrations(integration: Integration) -> Iterator[Registration]:
    """Yield the addresses that the integration uses as it is set up now."""
    if integration["enable_personal_vmrs"] or has_dialog(integration):
        yield _dialog(integration)
    by_service_account = integration["enable_dynamic_vmrs"] and integration["mailbox_protocol"] == "EWS"
    if by_service_account and integration["authentication_method"] == "OAUTH" and integration["oauth_redirect_uri"]:
        yield Registration(
            "Service account",
            _ENTRA,
            str(integration["oauth_redirect_uri"]),
            (
                f"Open App registrations and the application {integration['oauth_client_id']}.",
                "Choose Authentication, Add a platform, Web, and enter the address below.",
                "It is a page of this administration: only your own browser has to reach it.",
            ),
            "oauth_redirect_uri",
        )
    kinds = accepted_kinds(integration)
    if IdentityKind.NAA in kinds:
        yield from _nested(integration)
    if IdentityKind.SSO in kinds:
        yield _single_sign_on(integration)


def _nested(integration: Integration) -> Iterator[Registration]:
    client, api = integration["addin_application_id"], integration["addin_naa_web_api_application_id"]
    yield Registration(
        "Sign-in inside Outlook (NAA), the add-in",
        _ENTRA,
        f"brk-multihub://{integration.fqdn}",
        (
            f"Open App registrations and the application {client}.",
            "Choose Authentication, Add a platform, Single-page application, and enter the address below.",
        ),
        "addin_authentication_method",
    )
    yield Registration(
        "Sign-in inside Outlook (NAA), the web API",
        _ENTRA,
        f"api://{api}",
        (
            f"Open App registrations and the application {api}.",
            "Choose Expose an API and set the Application ID URI to the address below.",
            f"Add a scope named {integration['api_scope']}, which administrators and users can consent to.",
            f"Add a client application with the ID {client} and tick that scope: then nobody is asked for consent.",
            _FORM_OF_TOKENS,
        ),
        "addin_naa_web_api_application_id",
    )


def _single_sign_on(integration: Integration) -> Registration:
    scope = (
        f"Add a scope named {OFFICE_SCOPE}, which administrators and users can consent to: Office asks for this name."
    )
    if integration["api_scope"] != OFFICE_SCOPE:
        scope += f" The settings of this integration expect {integration['api_scope']}: change API scope there as well."
    return Registration(
        "Single sign-on of Office (SSO)",
        _ENTRA,
        integration.application_id_uri,
        (
            f"Open App registrations and the application {integration['addin_application_id']}.",
            "Choose Expose an API and set the Application ID URI to the address below. Its host name must be that of "
            "the add-in, on a domain that is verified in this tenant.",
            scope,
            f"Add a client application with the ID {_ALL_OFFICE}, which stands for Office on all platforms, and tick "
            "that scope.",
            "Choose API permissions, add the delegated permissions openid and profile of Microsoft Graph, and grant "
            "admin consent.",
            _FORM_OF_TOKENS,
        ),
        "addin_application_id",
    )


def _dialog(integration: Integration) -> Registration:
    client = integration["personal_vmr_oauth_client_id"]
    if integration["auth_provider"] == "AZURE":
        provider, steps = _ENTRA, _AZURE
    else:
        provider, steps = "AD FS", _ADFS
    trust = integration["personal_vmr_adfs_relying_party_trust_identifier"] or "that you choose"
    return Registration(
        "Sign-in dialog",
        provider,
        f"{integration.base_url}/signin/callback",
        tuple(step.format(client=client, trust=trust) for step in steps),
        "auth_provider",
    )


_AZURE = (
    "Open App registrations and the application {client}, or register one and enter its client ID in the settings.",
    "Choose Authentication, Add a platform, Web, and enter the address below.",
    "Choose Certificates & secrets, make a client secret, and enter it in the settings.",
)
_ADFS = (
    "In AD FS Management, add an application group: a native application together with a Web API.",
    "Give the native application the client identifier {client} and the redirect URI below.",
    "Give the Web API the identifier {trust}, and issue the claims upn and email.",
)
