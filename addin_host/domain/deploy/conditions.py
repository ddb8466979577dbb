"""What the switches of an integration ask of whoever deploys its manifest (design/outlook.md 1.6 and 1.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from addin_host.domain.fields import BY_NAME
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds
from addin_host.domain.integration import Integration
from addin_host.domain.manifest import is_on


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds for one switch that is on: the field, its label, and the sentences for the administrator."""

    field: str
    label: str
    words: str


_OF_SWITCHES = {
    "enable_add_command": (
        "A second button in the ribbon adds a single-use VMR without the pane. People who have to sign in are sent to "
        "the pane."
    ),
    "enable_mobile": (
        "Outlook on iOS and Android takes this only from an administrator's deployment, and only for mailboxes of "
        "Exchange Online; an add-in that somebody installs alone does not show there. It takes the place of the switch "
        "for Teams meetings. Icons are grey there, as Outlook asks."
    ),
    "enable_on_send_check": (
        "Outlook runs this only from an administrator's deployment. Classic Outlook for Windows, also with Exchange "
        "on-premises, new Outlook, Outlook on the web and Outlook for Mac know it; phones, and the web and Mac with "
        "Exchange on-premises, do not. It warns and never forbids: people can send anyway."
    ),
}


def conditions(integration: Integration) -> Iterator[Condition]:
    """Yield what to know about each switch that changes the manifest and is on."""
    for field, words in _OF_SWITCHES.items():
        if is_on(integration, field):
            yield Condition(field, BY_NAME[field].label, words)
    if IdentityKind.SSO in accepted_kinds(integration):
        yield Condition(
            "addin_application_id",
            "Single sign-on",
            "The manifest names the application, so a change of its id or of the host name has to be deployed. "
            "Register the address below first; an administrator consents once for everyone.",
        )
