"""External policy: what the conference platform is told about an alias (design/rest.md section 7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from addin_host.domain.rooms import TAG_PREFIX

Answer = Mapping[str, Any]

CONTINUE = "CONTINUE"
PERSONAL_PREFIX = "vmr:"
_MAX_TEXT = 250
_MAX_DIALLED = 1024
_SCHEME = re.compile(r"(?:sips?|h\.?323|tel|im):", re.IGNORECASE)
_PORT = re.compile(r":[0-9]{1,5}$")
_GOES_ON: Answer = {"status": "success", "action": "continue", "result": {}}
_REJECTS: Answer = {"status": "success", "action": "reject"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: the dialled alias as it is stored, or the tag of a conference that is taking place."""

    alias: str = ""
    tag: str = ""

    @property
    def uuid(self) -> str:
        """The uuid that a tag of ours names."""
        return self.tag.partition(":")[2]

    @property
    def is_ours(self) -> bool:
        """Whether the tag is one that we gave."""
        return self.tag.startswith((TAG_PREFIX, PERSONAL_PREFIX)) and self.tag.isprintable()


@dataclass(frozen=True, slots=True)
class Known:
    """A VMR that was found. `is_open`: it may be joined now; one of a person is always open.

    `is_elsewhere`: the platform has it itself, and we know it from there.
    """

    uuid: str
    name: str
    is_scheduled: bool
    is_open: bool
    is_elsewhere: bool
    settings: Mapping[str, Any] = field(repr=False)


def asked(parameters: Mapping[str, str]) -> Question:
    """Return what a request asks about. Dial-out and breakouts ask about a conference that takes place already."""
    tag = parameters.get("service_tag", "").strip().lower()
    within = parameters.get("call_direction") in ("dial_out", "non_dial") or bool(parameters.get("breakout_uuid"))
    question = Question(tag=tag[:_MAX_TEXT])
    if within and question.is_ours:
        return question
    return Question(alias=clean_alias(parameters.get("local_alias", "")))


def clean_alias(dialled: str) -> str:
    """Return a dialled alias as aliases are looked up: in lower case, without scheme, port and parameters; or ""."""
    text = dialled[:_MAX_DIALLED].strip()
    if "<" in text:  # a display name before the address
        text = text.partition("<")[2].partition(">")[0].strip()
    text = _SCHEME.sub("", text, count=1) if _SCHEME.match(text) else text
    text = re.split(r"[;?]", text, maxsplit=1)[0].strip()
    return _PORT.sub("", text).lower() if text.isprintable() else ""


def earliest_close(now: datetime) -> datetime:
    """Return the earliest end that a window may have to be open now: ends are inclusive to the second."""
    return now.replace(microsecond=0)


def decide(question: Question, known: Known | None, *, is_assigned: bool, outside_window: str) -> Answer:
    """Return the answer. `is_assigned`: the alias was handed out for a meeting that has no VMR (any more, or yet)."""
    if known is not None and known.is_elsewhere:
        return _GOES_ON
    if known is not None and (known.is_open or question.tag):
        return {"status": "success", "action": "continue", "result": _result(known)}
    if known is None and not is_assigned and not question.tag.startswith(TAG_PREFIX):
        return _GOES_ON
    return _GOES_ON if outside_window == CONTINUE else _REJECTS


def _result(known: Known) -> dict[str, Any]:
    """Return the service. What is not set is left out: a name that the platform does not have fails the answer."""
    prefix = TAG_PREFIX if known.is_scheduled else PERSONAL_PREFIX
    made = {"name": known.name, "service_tag": f"{prefix}{known.uuid}"} | dict(known.settings)
    return {name: value for name, value in made.items() if _may_be_sent(name, value)}


def _may_be_sent(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT and (bool(value) or name in ("pin", "description"))
    return value is not None
