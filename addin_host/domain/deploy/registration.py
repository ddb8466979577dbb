"""The addresses that a provider must know before it sends people back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from addin_host.domain.integration import Integration


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
    if integration["enable_personal_vmrs"]:
        yield _personal(integration)
    by_service_account = integration["enable_dynamic_vmrs"] and integration["mailbox_protocol"] == "EWS"
    if by_service_account and integration["authentication_method"] == "OAUTH" and integration["oauth_redirect_uri"]:
        yield Registration(
            "Service account",
            "Microsoft Entra ID (Azure)",
            str(integration["oauth_redirect_uri"]),
            (
                f"Open App registrations and the application {integration['oauth_client_id']}.",
                "Choose Authentication, Add a platform, Web, and enter the address below.",
                "It is a page of this administration: only your own browser has to reach it.",
            ),
            "oauth_redirect_uri",
        )
    if integration["enable_dynamic_vmrs"] and _uses_naa(integration):
        yield Registration(
            "Sign-in inside Outlook (NAA)",
            "Microsoft Entra ID (Azure)",
            f"brk-multihub://{integration.fqdn}",
            (
                f"Open App registrations and the application {integration['addin_application_id']}.",
                "Choose Authentication, Add a platform, Single-page application, and enter the address below.",
            ),
            "addin_authentication_method",
        )


def _uses_naa(integration: Integration) -> bool:
    accepted = integration["accepted_identity_kinds"] or ()
    return integration["addin_authentication_method"] == "NAA_TOKEN" or "NAA_TOKEN" in accepted


def _personal(integration: Integration) -> Registration:
    client = integration["personal_vmr_oauth_client_id"]
    if integration["auth_provider"] == "AZURE":
        provider, steps = "Microsoft Entra ID (Azure)", _AZURE
    else:
        provider, steps = "AD FS", _ADFS
    trust = integration["personal_vmr_adfs_relying_party_trust_identifier"] or "that you choose"
    return Registration(
        "Personal VMRs",
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
