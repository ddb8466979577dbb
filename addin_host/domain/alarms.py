"""Alarms, as data: how serious, what they are called, and whom they concern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

CHECKS = "check."
MESSAGES = "messages"
ALIASES_EXHAUSTED = "alias_space_exhausted"
PLATFORM_UNREACHABLE = "platform_unreachable"
DIRECTORY_STOPPED = "directory_sync_stopped"
WORKER_ABSENT = "worker_absent"
_MAX_KEY = 250


class Level(StrEnum):
    """How serious an alarm is."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class AlarmWords:
    """What a kind of alarm is called, who is affected, and the page where it is mended.

    `place` is the rest of an address: below the integration's page, or with a leading slash anywhere.
    """

    name: str
    affected: str
    place: str = "checks/"


_SIGN_IN = "Nobody can sign in to see personal VMRs."
_EVERYBODY = "Everybody who opens the add-in."
_MEETINGS = "Organizers who add a single-use VMR: they get no answer meanwhile."
ALARMS: Mapping[str, AlarmWords] = {
    "check.secrets": AlarmWords("A stored secret cannot be read", "Everybody who signs in through this integration."),
    "check.templates": AlarmWords("A template does not work", "Everybody who inserts text with it.", ""),
    "check.manifest": AlarmWords(
        "The manifest or the icon needs attention", "Whoever installs or updates the add-in.", "deploy"
    ),
    "check.ways_in": AlarmWords(
        "Some people cannot say who they are",
        "Everybody who asks for a single-use VMR.",
        "#addin_authentication_method",
    ),
    "check.nested": AlarmWords(
        "Nested app authentication is not set up",
        "Everybody with a mailbox in Exchange Online.",
        "#addin_naa_web_api_application_id",
    ),
    "check.alias_space": AlarmWords(
        "Numbers of single-use VMRs run short", "Everybody with a single-use VMR.", "#scheduled_alias_suffix_length"
    ),
    "check.mailbox": AlarmWords(
        "The equipment mailbox cannot be used", "Everybody with a single-use VMR.", "#room_mailbox_email_address"
    ),
    "check.dns": AlarmWords("The add-in server's name does not lead anywhere", _EVERYBODY, "deploy"),
    "check.certificate": AlarmWords("The add-in server's certificate needs attention", _EVERYBODY, "deploy"),
    "check.pane": AlarmWords("The task pane is not reached under its address", _EVERYBODY, "deploy"),
    "check.static": AlarmWords("The pages' files are not served", _EVERYBODY, "deploy"),
    "check.admin": AlarmWords("The administration is reachable from outside", "The administrators.", "deploy"),
    "check.metadata": AlarmWords("Exchange's metadata needs attention", "Everybody with a mailbox there.", "#domains"),
    "check.authorization": AlarmWords(
        "The authorization endpoint does not answer", _SIGN_IN, "#personal_vmr_oauth_auth_endpoint"
    ),
    "check.token": AlarmWords(
        "The token endpoint does not answer as it should", _SIGN_IN, "#personal_vmr_oauth_token_endpoint"
    ),
    "check.discovery": AlarmWords(
        "The sign-in service's description cannot be used", _SIGN_IN, "#personal_vmr_oauth_auth_endpoint"
    ),
    "check.token_metadata": AlarmWords(
        "The metadata of the add-in's tokens needs attention",
        "Everybody who opens the add-in without signing in.",
        "#addin_oidc_metadata_url",
    ),
    "check.clock": AlarmWords("The clock differs", "Everybody who signs in, once the difference grows."),
    ALIASES_EXHAUSTED: AlarmWords(
        "There are no numbers left for single-use VMRs",
        "Everybody who adds a single-use VMR.",
        "#scheduled_alias_suffix_length",
    ),
    "exchange_unreachable": AlarmWords("The equipment mailbox cannot be reached", _MEETINGS),
    "exchange_auth_failed": AlarmWords("The sign-in at the equipment mailbox fails", _MEETINGS, "#username"),
    "service_account_signin_required": AlarmWords("The service account has to sign in", _MEETINGS, "service-account/"),
    "mailbox_not_found": AlarmWords("The equipment mailbox is not found", _MEETINGS, "#room_mailbox_email_address"),
    "impersonation_denied": AlarmWords("The equipment mailbox may not be used", _MEETINGS),
    "mailbox_body_removed": AlarmWords("The equipment mailbox removes the text of invitations", _MEETINGS),
    "mailbox_owned_elsewhere": AlarmWords(
        "Another installation reads the equipment mailbox", _MEETINGS, "#room_mailbox_email_address"
    ),
    "mailbox_stalled": AlarmWords("Meetings wait to be processed", _MEETINGS),
    "queue_poison": AlarmWords(
        "Something in the mailbox cannot be processed", "Whoever sent it.", "/admin/operations/given-up"
    ),
    WORKER_ABSENT: AlarmWords("No worker reads the equipment mailboxes", _MEETINGS, "/admin/"),
    PLATFORM_UNREACHABLE: AlarmWords(
        "The conference platform does not answer", "Everybody with a single-use VMR.", "/admin/settings/"
    ),
    DIRECTORY_STOPPED: AlarmWords(
        "The directory is not in step with the conference platform",
        "People whose personal VMRs changed there.",
        "/admin/directory-sync/",
    ),
    "template_failed": AlarmWords(
        "A template of the mails about meetings fails", "Organizers, who get our default text instead.", ""
    ),
    "ews_retirement": AlarmWords("Exchange Online ends EWS", _MEETINGS, "#mailbox_protocol"),
    MESSAGES: AlarmWords("Alarm messages cannot be sent", "Those who should be told about alarms.", "/admin/settings/"),
}
_UNKNOWN = AlarmWords("Alarm", "")


def words_for(identifier: str) -> AlarmWords:
    """Return the words of a kind of alarm."""
    return ALARMS.get(identifier, _UNKNOWN)


def link_of(identifier: str, integration_id: int | None) -> str:
    """Return the path of the page where an alarm is mended."""
    place = words_for(identifier).place
    if place.startswith("/"):
        return place
    return "/admin/alarms/" if integration_id is None else f"/admin/integrations/{integration_id}/{place}"


def open_key(identifier: str, integration_id: int | None, instance: str) -> str:
    """Return what is the same for the same trouble, so that it is raised only once."""
    key = f"{identifier}:{integration_id or 0}:{instance}"
    return key if len(key) <= _MAX_KEY else f"{key[:180]}:{sha256(key.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as pages and messages show it. `integration` is the integration's name, "" for the deployment's."""

    id: int
    identifier: str
    name: str
    level: Level
    integration_id: int | None
    integration: str
    instance: str
    details: str
    next_step: str
    raised_at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str

    @property
    def affected(self) -> str:
        """Who is affected, in words."""
        return words_for(self.identifier).affected

    @property
    def link(self) -> str:
        """The path of the page where it is mended."""
        return link_of(self.identifier, self.integration_id)

    @property
    def state(self) -> str:
        """`open`, `acknowledged` or `ended`."""
        if self.cleared_at is not None:
            return "ended"
        return "acknowledged" if self.acknowledged_at is not None else "open"
