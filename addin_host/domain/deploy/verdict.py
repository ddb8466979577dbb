"""Whether an integration's manifest has to be deployed, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from addin_host.domain.manifest import ON_SEND, PHONES, SIGN_ON, Change, needs_deploying


@dataclass(frozen=True, slots=True)
class Download:
    """A manifest that somebody downloaded. `version` is the Version that it says."""

    at: datetime
    by: str
    version: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind` as the badges of the pages know it; `badge` in two or three words; `sentence` says what to do."""

    kind: Literal["good", "warning", "bad"]
    badge: str
    sentence: str


def judge(*, usable: bool, last: Download | None, changes: Sequence[Change]) -> Verdict:
    """Return whether the manifest is to be downloaded and deployed (again)."""
    if not usable:
        return Verdict("bad", "Needs correcting", "Outlook would refuse this manifest. Correct what is listed below.")
    if last is None:
        return Verdict(
            "warning", "Not downloaded yet", "Nobody has downloaded the manifest yet. Download it, then deploy it."
        )
    kept = [change for change in changes if change.is_kept_by_outlook]
    if not needs_deploying(changes):
        sentence = "Nothing that Outlook keeps has changed since the last download. The deployed manifest stays good."
        return Verdict("good", "Up to date", sentence)
    things = "One thing" if len(kept) == 1 else f"{len(kept)} things"
    keeps = "has" if len(kept) == 1 else "have"
    sentence = f"{things} that Outlook keeps {keeps} changed. Download the manifest and deploy it again."
    if any(change.fact.field == "uuid" for change in kept):
        sentence += " It has a new id, so take the old add-in away as well."
    if any(change.fact.label == "Permissions" for change in kept):
        sentence += " An administrator has to consent to its permissions again."
    if any(change.fact in (PHONES, ON_SEND) and change.after == "on" for change in kept):
        sentence += " Phones and the check on Send need a deployment by an administrator."
    if any(change.fact is SIGN_ON for change in kept):
        sentence += " Single sign-on has changed: compare the addresses to register, and consent again."
    return Verdict("warning", "Deploy again", sentence)
