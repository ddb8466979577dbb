"""Reading what the mailbox says about claimed items; no transaction is open meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from addin_host.domain.calendar import Meeting, MessageKind, Notice, Reading
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import OF_THE_MAILBOX, Fault, Horizon, Mailbox, MailboxTrouble
from addin_host.domain.tag import Keys, Tag, find_tags
from addin_host.domain.text import html_to_text
from addin_host.flows.scheduling.claiming import Claimed
from addin_host.flows.scheduling.context import AHEAD, BACK, Scheduling

_AT_ONCE = 50
_BLANK_BODY = 20_000  # characters: a longer one is taken to say something


@dataclass(frozen=True, slots=True)
class Item:
    """A claimed item and what was read about it.

    `tags` are those of the integration in the meeting's body. `is_absent`: the meeting was looked for in vain.
    `trouble` is why nothing could be read.
    """

    claimed: Claimed
    notice: Notice | None = None
    meeting: Meeting | None = None
    tags: tuple[Tag, ...] = ()
    is_absent: bool = False
    trouble: MailboxTrouble | None = None

    @property
    def uid(self) -> str:
        """The key of the meeting, blank where it is not known."""
        told = self.meeting or self.notice
        return told.uid if told else self.claimed.uid

    @property
    def received_at(self) -> datetime:
        """When it was sent to the mailbox; of what the calendar alone tells, when it changed last."""
        return self.notice.received_at if self.notice else self.claimed.received_at

    @property
    def alone(self) -> bool:
        """Whether it is one occurrence of a series, which was not invited as a whole."""
        is_of_one = self.notice is not None and self.notice.occurrence is not None
        return is_of_one and (self.meeting is None or self.meeting.series is None)

    @property
    def has_empty_body(self) -> bool:
        """Whether the body says nothing at all."""
        meeting = self.meeting
        return meeting is not None and not self.tags and not _says_something(meeting)


def read(own: Scheduling, integration: Integration, mailbox: Mailbox, claimed: Sequence[Claimed]) -> list[Item]:
    """Return what the mailbox says about the items. What is wrong with all of the mailbox is raised."""
    now, keys = own.now(), own.tag_keys.all()
    horizon = Horizon(now - BACK, now + AHEAD)
    messages = iter([one for one in claimed if one.origin == "message"])
    read: list[Item] = []
    while part := list(islice(messages, _AT_ONCE)):
        answers = mailbox.read([one.item_id for one in part], horizon)
        read += [_of_message(one, answer) for one, answer in zip(part, answers, strict=True)]
    read += [_of_calendar(mailbox, one, horizon) for one in claimed if one.origin != "message"]
    return [_with_tags(item, integration, keys) for item in read]


def _of_message(claimed: Claimed, answer: Reading | MailboxTrouble) -> Item:
    if isinstance(answer, Reading):
        return Item(claimed, answer.notice, answer.meeting)
    return Item(claimed) if answer.fault is Fault.ITEM_GONE else Item(claimed, trouble=answer)


def _of_calendar(mailbox: Mailbox, claimed: Claimed, horizon: Horizon) -> Item:
    try:
        meeting = mailbox.meeting(claimed.item_id, horizon) if claimed.item_id else None
        if meeting is None and claimed.uid:
            meeting = mailbox.find(claimed.uid, horizon)
    except MailboxTrouble as trouble:
        if trouble.fault in OF_THE_MAILBOX:
            raise
        return Item(claimed, trouble=trouble)
    return Item(claimed, meeting=meeting, is_absent=meeting is None and claimed.origin == "absence")


def _with_tags(item: Item, integration: Integration, keys: Keys) -> Item:
    meeting = item.meeting
    if meeting is None or meeting.is_cancelled or not _asks(item.notice):
        return item
    found = find_tags(meeting.body, keys, is_html=meeting.body_is_html)
    tags = tuple(tag for tag in found if tag.integration_id == integration.id)
    return Item(item.claimed, item.notice, meeting, tags)


def _asks(notice: Notice | None) -> bool:
    return notice is None or notice.kind is not MessageKind.OTHER


def _says_something(meeting: Meeting) -> bool:
    if len(meeting.body) > _BLANK_BODY:
        return True
    return bool((html_to_text(meeting.body) if meeting.body_is_html else meeting.body).strip())
