"""The commands that bring an add-in to mailboxes, with one integration's own values in them.

Parameters are those of Microsoft's reference of New-App, Set-App, Set-CalendarProcessing and the module
O365CentralizedAddInDeployment. The mailbox settings are those of design/scheduling.md 10.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from addin_host.domain.deploy.powershell import quoted
from addin_host.domain.integration import Integration
from addin_host.domain.manifest.context import manifest_locale

_GROUP = "Add-in users"  # an example: who gets the add-in is known to the organization alone


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do: what for, and the text to paste."""

    purpose: str
    text: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What the commands are made for. `file` is the name that the manifest is downloaded under."""

    integration: Integration
    file: str

    @property
    def path(self) -> str:
        """Where the commands expect the manifest."""
        return f"C:\\Temp\\{self.file}"


def exchange_on_premises(setup: Setup) -> Iterator[Command]:
    """Yield the commands for the Exchange Management Shell."""
    one, data = setup.integration, f"([System.IO.File]::ReadAllBytes({quoted(setup.path)}))"
    members = f"(Get-DistributionGroupMember {quoted(_GROUP)}).PrimarySmtpAddress"
    for_all = "-ProvidedTo Everyone -DefaultStateForUser Enabled"
    for_some = f"-ProvidedTo SpecificUsers -UserList {members} -DefaultStateForUser Enabled"
    yield Command(
        "Install the add-in for the whole organization; people may switch it off. AlwaysEnabled in the place of "
        "Enabled takes that choice away. A manifest of a higher version takes the place of an older one.",
        f"New-App -OrganizationApp -FileData {data} {for_all}",
    )
    yield Command(
        "Or install it for the members of a group. Put the name of your own group into the command.",
        f"New-App -OrganizationApp -FileData {data} {for_some}",
    )
    yield Command(
        "Change who has it later; a new member of the group gets it when this runs again.",
        f"Set-App -OrganizationApp -Identity {quoted(one.uuid)} {for_some}",
    )
    yield Command("See what is installed.", f"Get-App -OrganizationApp -Identity {quoted(one.uuid)} | Format-List")
    yield Command(
        "Take it away again, for instance when Exchange does not take a new manifest over the old one.",
        f"Remove-App -OrganizationApp -Identity {quoted(one.uuid)}",
    )
    yield from _mailbox(one)


def _mailbox(one: Integration, first: str = "") -> Iterator[Command]:
    """The equipment mailbox is invited to each single-use meeting; Exchange must neither answer nor cut invitations.

    `first` is the line that makes the command known to the shell.
    """
    if not one["enable_dynamic_vmrs"] or not one["room_mailbox_email_address"]:
        return
    mailbox, processing = quoted(str(one["room_mailbox_email_address"])), "None"
    if one["mailbox_protocol"] == "GRAPH":
        processing = "AutoUpdate"  # Graph answers the calendar's copy, which the calendar attendant makes
    yield Command(
        "Set up the equipment mailbox: Exchange leaves invitations unanswered and keeps their text, in which "
        "the meeting's alias stands.",
        f"{first}Set-CalendarProcessing -Identity {mailbox} -AutomateProcessing {processing} -DeleteComments $false "
        "-DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false "
        "-ProcessExternalMeetingMessages $false",
    )


def centralized_deployment(setup: Setup) -> Iterator[Command]:
    """Yield the commands for Microsoft 365, as an alternative to its admin center."""
    one, path = setup.integration, quoted(setup.path)
    locale = quoted(manifest_locale(str(one["default_locale"] or "")))
    product = f"-ProductId {quoted(one.uuid)}"
    yield Command(
        "Sign in as an administrator of the organization.",
        "Import-Module -Name O365CentralizedAddInDeployment\nConnect-OrganizationAddInService",
    )
    yield Command("Upload the manifest.", f"New-OrganizationAddIn -ManifestPath {path} -Locale {locale}")
    yield Command(
        "Give the add-in to everyone, or to a group in the place of that.",
        f"Set-OrganizationAddInAssignments {product} -AssignToEveryone $true\n"
        f"Set-OrganizationAddInAssignments {product} -Add -Members {quoted('group@your-company.com')}",
    )
    yield Command(
        "Deploy a newer manifest later.",
        f"Set-OrganizationAddIn {product} -ManifestPath {path} -Locale {locale}",
    )
    yield from _mailbox(one, first="Connect-ExchangeOnline\n")
