"""The demo's world, as data: three integrations, its people and their VMRs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TENANT = "11111111-2222-4333-8444-555555555555"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who can sign in to the demo; `note` says what to expect."""

    name: str
    email: str
    note: str


@dataclass(frozen=True, slots=True)
class DemoVmr:
    """A VMR of the demo."""

    name: str
    owner: str
    description: str = ""
    service_type: str = "conference"
    pin: str = ""
    guest_pin: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def allow_guests(self) -> bool:
        """Guests have a PIN of their own exactly when they are allowed."""
        return bool(self.guest_pin)


PEOPLE = (
    DemoPerson("Alice Example", "alice@example.com", "Has two VMRs."),
    DemoPerson("Bob Example", "bob@example.com", "Has nine VMRs, so that the list can be filtered."),
    DemoPerson("Carol Example", "carol@example.com", "Has no VMR."),
    DemoPerson("Dave Newcomer", "dave@example.com", "Is not in the directory yet."),
)
# Those the administrator entered; the others are let in where "Allow new users" is on.
IN_DIRECTORY = PEOPLE[:3]

VMRS = (
    DemoVmr(
        "Alice's meeting room",
        "alice@example.com",
        "For everyday meetings. Guests join with the guest PIN.",
        pin="2580",
        guest_pin="4711",
        aliases=("alice@vmr.example.com", "880101", "alice.room"),
    ),
    DemoVmr(
        "Town hall",
        "alice@example.com",
        "Virtual Auditorium for large audiences",
        service_type="lecture",
        pin="97531",
        aliases=("townhall@vmr.example.com", "880102"),
    ),
    *(
        DemoVmr(
            f"Project {name}",
            "bob@example.com",
            f"The weekly of project {name}",
            pin="135790",
            aliases=(f"{name.lower()}@vmr.example.com", f"8802{number:02}"),
        )
        for number, name in enumerate(("Amber", "Basalt", "Cobalt", "Dune", "Ember", "Fjord", "Granite", "Harbour"))
    ),
    DemoVmr("Bob's unfinished room", "bob@example.com", "Nobody has given it an alias yet"),
)

_SHARED: Mapping[str, Any] = {
    "enable_dynamic_vmrs": False,
    "enable_personal_vmrs": True,
    "addin_server_domain": "vmr.example.com",
}
_SINGLE_USE: Mapping[str, Any] = {
    "enable_dynamic_vmrs": True,
    "room_mailbox_name": "Video meeting",
    "room_mailbox_email_address": "video.meeting@example.com",
    "url": "https://mail.example.com/EWS/Exchange.asmx",
    "username": "demo\\video.meeting",
    "password": "a demo has no secrets",
    "scheduled_alias_prefix": "88",
    "scheduled_alias_domain": "vmr.example.com",
}
INTEGRATIONS: tuple[Mapping[str, Any], ...] = (
    {
        **_SHARED,
        **_SINGLE_USE,
        "uuid": "6a9f1c52-3f5e-4a53-9a43-2f9be1d0a001",
        "name": "Demo with Azure",
        "auth_provider": "AZURE",
        "personal_vmr_oauth_auth_endpoint": f"https://login.microsoftonline.com/{_TENANT}/oauth2/v2.0/authorize",
        "personal_vmr_oauth_token_endpoint": f"https://login.microsoftonline.com/{_TENANT}/oauth2/v2.0/token",
        "personal_vmr_oauth_client_secret": "a demo has no secrets",
        "addin_authentication_method": "NAA_TOKEN",
        "addin_application_id": "22222222-3333-4444-8555-666666666666",
        "addin_naa_web_api_application_id": "33333333-4444-4555-8666-777777777777",
        "addin_authority_url": f"https://login.microsoftonline.com/{_TENANT}",
        "addin_oidc_metadata_url": f"https://login.microsoftonline.com/{_TENANT}/v2.0/.well-known/openid-configuration",
    },
    {
        **_SHARED,
        "uuid": "6a9f1c52-3f5e-4a53-9a43-2f9be1d0a002",
        "name": "Demo with AD FS",
        "auth_provider": "ADFS",
        "allow_new_users": False,
        "personal_vmr_oauth_auth_endpoint": "https://adfs.example.com/adfs/oauth2/authorize",
        "personal_vmr_oauth_token_endpoint": "https://adfs.example.com/adfs/oauth2/token",
        "personal_vmr_adfs_relying_party_trust_identifier": "https://vmr.example.com/addin",
    },
    {
        **_SHARED,
        **_SINGLE_USE,
        "uuid": "6a9f1c52-3f5e-4a53-9a43-2f9be1d0a003",
        "name": "Demo with Exchange",
        "enable_personal_vmrs": False,
        "room_mailbox_email_address": "video.exchange@example.com",
        "scheduled_alias_prefix": "89",
        "addin_authentication_method": "EXCHANGE_USER_ID_TOKEN",
        "domains": ["mail.example.com"],
    },
)
# What a demo that was made before lacks; the others may have been edited there, and stay as they are.
ADDED_WITH_SINGLE_USE = INTEGRATIONS[2:]
