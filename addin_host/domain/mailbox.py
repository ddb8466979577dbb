"""The port to an equipment mailbox: EWS, Microsoft Graph and memory implement it (design/scheduling.md section 10).

Every method ends within 30 seconds and raises nothing but `MailboxTrouble` and Misconfigured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from addin_host.domain.calendar import Meeting, MessageKind, Reading
from addin_host.domain.errors import Upstream
from addin_host.domain.integration import Integration


class Fault(StrEnum):
    """What is wrong with a mailbox or one of its items."""

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    AUTHENTICATION = "authentication"
    SIGN_IN_NEEDED = "sign_in_needed"
    MAILBOX_UNKNOWN = "mailbox_unknown"
    DENIED = "denied"
    ITEM_GONE = "item_gone"
    CURSOR_LOST = "cursor_lost"
    UNUSABLE = "unusable"


# These concern the mailbox as a whole: its items wait, and none of them is at fault.
OF_THE_MAILBOX = frozenset(
    {
        Fault.UNREACHABLE,
        Fault.BUSY,
        Fault.AUTHENTICATION,
        Fault.SIGN_IN_NEEDED,
        Fault.MAILBOX_UNKNOWN,
        Fault.DENIED,
    }
)


class MailboxTrouble(Upstream):
    """The mailbox, or one item of it, cannot be used. `retry_after` is in seconds, when the server gave it.

    UNUSABLE: an answer that cannot be understood. After a call that sends, UNREACHABLE leaves open whether it did.
    """

    def __init__(self, fault: Fault, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message, retryable=fault is not Fault.ITEM_GONE, retry_after=retry_after)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Arrival:
    """An item that the inbox lists. `starts_at` is the start of its meeting, where the list tells."""

    item_id: str
    change_key: str
    kind: MessageKind
    received_at: datetime
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """One page of what arrived, and the cursor to store with it. `has_more`: ask again at once."""

    items: Sequence[Arrival]
    cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A single meeting or a series' master, as the mailbox's calendar lists it."""

    item_id: str
    uid: str
    sequence: int
    critical_change: datetime | None
    modified_at: datetime
    starts_at: datetime
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """One page of the calendar; a blank `cursor` is the end."""

    entries: Sequence[CalendarEntry]
    cursor: str


@dataclass(frozen=True, slots=True)
class Horizon:
    """Between which instants a series is expanded."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one message, from the equipment mailbox to the organizer alone.

    `html` is sanitised. `correlation_id` is put in a property of the sent message, so that it is found again.
    """

    item_id: str
    meeting_item_id: str
    accept: bool
    html: str
    subject: str
    organizer_address: str
    organizer_name: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The organizer's own appointment, in which a placeholder gives way to the joining instructions.

    `tag` is the placeholder's; `placeholder_html` what stood before it when it was inserted.
    """

    organizer_address: str
    uid: str
    tag: str
    placeholder_html: str
    html: str


@dataclass(frozen=True, slots=True)
class OwnershipMark:
    """Which installation reads the mailbox, and when it said so last."""

    installation: str
    integration: str
    seen_at: datetime


class Mailbox(Protocol):
    """One equipment mailbox. An instance is used by one thread at a time."""

    def arrivals(self, cursor: str) -> Arrivals:
        """Return what arrived in the inbox since the cursor; "" begins with all that is there. Raises CURSOR_LOST."""
        ...

    def read(self, item_ids: Sequence[str], horizon: Horizon) -> Sequence[Reading | MailboxTrouble]:
        """Return, in their order, what some messages say, and their meetings as they are now. At most 50 at once.

        What is wrong with one item stands in its place; what is wrong with the mailbox is raised.
        """
        ...

    def calendar(self, since: datetime, until: datetime, cursor: str) -> CalendarPage:
        """List the meetings that take place at some time in between, each series once. A lost cursor is CURSOR_LOST."""
        ...

    def meeting(self, item_id: str, horizon: Horizon) -> Meeting | None:
        """Return a meeting by its calendar item; None when it is gone."""
        ...

    def find(self, uid: str, horizon: Horizon) -> Meeting | None:
        """Look for a meeting by its uid in the calendar; None when it is not there."""
        ...

    def reply(self, reply: Reply) -> None:
        """Accept or decline, with a text. ITEM_GONE: the message is there no more, so a mail of its own is sent."""
        ...

    def was_sent(self, correlation_id: str, since: datetime) -> bool:
        """Whether a reply with this id is among the sent messages."""
        ...

    def rewrite(self, rewrite: Rewrite) -> bool:
        """Put the joining instructions into the organizer's appointment and send the update to everybody.

        False when it is not there, or holds the instructions already. Raises DENIED without the permission.
        """
        ...

    def tidy(self, item_id: str) -> None:
        """Move a message that was dealt with to the deleted items; one that is gone is fine."""
        ...

    def probe(self) -> None:
        """Raise what is wrong with connection, sign-in or mailbox; nothing is read and nothing is changed."""
        ...

    def owner(self) -> OwnershipMark | None:
        """Return who reads this mailbox, as the mark in it says."""
        ...

    def own(self, mark: OwnershipMark) -> None:
        """Leave the mark of this installation."""
        ...


@dataclass(frozen=True, slots=True)
class MailboxAccess:
    """What opens a mailbox besides its integration's settings.

    `secrets` are those of the integration in clear, by field. `service_token` returns an access token of the signed-in
    service account (authentication_method OAUTH), refreshed by the one who holds the lock; True asks for a new one.
    It raises SIGN_IN_NEEDED.
    """

    secrets: Mapping[str, str] = field(default_factory=dict)
    web_proxy: str = ""
    service_token: Callable[[bool], str] | None = None


class Mailboxes(Protocol):
    """Opens mailboxes; which protocol is spoken is the integration's `mailbox_protocol`."""

    def open(self, integration: Integration, access: MailboxAccess) -> Mailbox:
        """Return the mailbox; nothing is called yet. Raises Misconfigured."""
        ...
