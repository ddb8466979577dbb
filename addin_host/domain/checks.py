"""The checks of one integration, as data: what each looks at, when it applies, and what it may find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from addin_host.domain.fields import BY_NAME, is_blank
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds, has_dialog
from addin_host.domain.integration import Integration

STEP_SECONDS = 5.0
RUN_SECONDS = 60.0
STALLED_AFTER = timedelta(minutes=2)
CERTIFICATE_DAYS = 21
SKEW_WARNING = timedelta(seconds=60)
SKEW_FAILURE = timedelta(seconds=300)


class Outcome(StrEnum):
    """What a check found. RUNNING stands while it is at work, WAITING (on pages only) before its turn."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    RUNNING = "running"
    WAITING = "waiting"

    @property
    def label(self) -> str:
        """The word that people read."""
        return _LABELS[self][1]

    @property
    def kind(self) -> str:
        """How it looks: good, warning, bad or neutral."""
        return _LABELS[self][0]


_LABELS: Mapping[Outcome, tuple[str, str]] = {
    Outcome.OK: ("good", "Passed"),
    Outcome.WARNING: ("warning", "Warning"),
    Outcome.FAILED: ("bad", "Failed"),
    Outcome.SKIPPED: ("neutral", "Left out"),
    Outcome.RUNNING: ("neutral", "At work"),
    Outcome.WAITING: ("neutral", "Waiting"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, in words for an administrator, and what to do about it."""

    outcome: Outcome
    message: str
    next_step: str = ""


def fine(message: str) -> Verdict:
    """Return the verdict that all is well."""
    return Verdict(Outcome.OK, message)


def warn(message: str, next_step: str = "") -> Verdict:
    """Return the verdict that it works, but should be looked at."""
    return Verdict(Outcome.WARNING, message, next_step)


def fail(message: str, next_step: str = "") -> Verdict:
    """Return the verdict that it does not work."""
    return Verdict(Outcome.FAILED, message, next_step)


def skip(reason: str) -> Verdict:
    """Return the verdict that there was nothing to check, with the reason."""
    return Verdict(Outcome.SKIPPED, reason)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One step of a run. `instance` tells several of one kind apart, such as the metadata domains."""

    name: str
    outcome: Outcome
    message: str = ""
    next_step: str = ""
    instance: str = ""
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """The name that people read."""
        found = BY_CHECK.get(self.name)
        return f"{found.title if found else self.name}{f': {self.instance}' if self.instance else ''}"

    def as_data(self) -> dict[str, Any]:
        """Return what is stored."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> CheckResult:
        """Return what was stored."""
        return cls(**{**data, "outcome": Outcome(data["outcome"])})


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `looks_at` says what it does; `skipped` returns why an integration does not need it, or ""."""

    name: str
    title: str
    looks_at: str
    skipped: Callable[[Integration], str] = field(default=lambda _integration: "")
    instances: Callable[[Integration], Sequence[str]] = field(default=lambda _integration: ("",))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: a check, and which of several instances it is about."""

    check: Check
    instance: str = ""


def _without_signing_in(integration: Integration) -> str:
    if integration["enable_personal_vmrs"] or has_dialog(integration):
        return ""
    return "Personal VMRs are switched off and no sign-in is entered: nobody signs in."


def _without_metadata(integration: Integration) -> str:
    if IdentityKind.EXCHANGE not in accepted_kinds(integration):
        return "Exchange identity tokens are not used."
    return "" if metadata_sources(integration) else "No metadata domain is entered."


def _without_single_use(integration: Integration) -> str:
    return "" if integration["enable_dynamic_vmrs"] else "Single-use VMRs are switched off."


def _without_mailbox(integration: Integration) -> str:
    if integration["enable_dynamic_vmrs"] and is_blank(integration["room_mailbox_email_address"]):
        return "No equipment mailbox is entered."
    return _without_single_use(integration)


def _without_nested(integration: Integration) -> str:
    return "" if IdentityKind.NAA in accepted_kinds(integration) else "NAA tokens are not used."


def _without_token_metadata(integration: Integration) -> str:
    if not BY_NAME["addin_oidc_metadata_url"].is_available(integration.values):
        return "Neither SSO nor NAA tokens are used."
    return "" if not is_blank(integration["addin_oidc_metadata_url"]) else "No metadata URL is entered."


def metadata_sources(integration: Integration) -> tuple[str, ...]:
    """Return the metadata domains and URLs as they were entered, each once."""
    return tuple(dict.fromkeys(str(entry) for entry in integration["domains"] or ()))


CHECKS: Sequence[Check] = (
    Check(
        "secrets",
        "Stored secrets",
        "Opens every stored secret with the key file.",
    ),
    Check(
        "templates",
        "Templates",
        "Compiles every template in use, renders it with usual, empty and very long values, and looks for the tag.",
    ),
    Check("manifest", "Manifest and icon", "Builds the add-in manifest, and checks it and the icon as Outlook would."),
    Check(
        "ways_in",
        "Single-use: who is asking",
        "Makes sure that Outlook has a way to say who asks for a single-use VMR, in older versions too.",
        _without_single_use,
    ),
    Check(
        "nested",
        "Single-use: nested app authentication",
        "Looks at the applications that are named for NAA tokens, and for the library that asks for them.",
        _without_nested,
    ),
    Check(
        "alias_space",
        "Single-use: numbers in use",
        "Counts the numbers that meetings have, and compares with how many there can be.",
        _without_single_use,
    ),
    Check("dns", "DNS of the add-in server", "Looks the add-in server FQDN up, as this machine sees it."),
    Check(
        "certificate",
        "Certificate of the add-in server",
        "Connects to port 443 of the add-in server FQDN, and checks trust, name, last day and protocol.",
    ),
    Check(
        "pane",
        "Reverse proxy: add-in",
        "Opens the task pane under its public address, and makes sure that this very installation answers there.",
    ),
    Check(
        "static",
        "Reverse proxy: static files",
        "Fetches one of this version's files under the public address.",
    ),
    Check(
        "admin",
        "Reverse proxy: administration",
        "Makes sure that these pages are not passed on under the add-in's public address.",
    ),
    Check(
        "metadata",
        "Exchange metadata",
        "Fetches the document with the keys that Exchange signs its tokens with, and looks for one that can be used.",
        _without_metadata,
        lambda integration: metadata_sources(integration) or ("",),
    ),
    Check(
        "authorization",
        "Sign-in: authorization endpoint",
        "Opens the authorization endpoint over https.",
        _without_signing_in,
    ),
    Check(
        "token",
        "Sign-in: token endpoint",
        "Sends the token endpoint a request that it has to refuse, without any secret, and looks at how it refuses.",
        _without_signing_in,
    ),
    Check(
        "discovery",
        "Sign-in: discovery document",
        "Reads what the sign-in service publishes about itself: its issuer, and the keys that it signs with.",
        _without_signing_in,
    ),
    Check(
        "token_metadata",
        "Tokens of the add-in: metadata",
        "Reads the OpenID Connect metadata URL of the add-in's tokens: which tenant it names, and which keys.",
        _without_token_metadata,
    ),
    Check(
        "mailbox",
        "Single-use: equipment mailbox",
        "Connects to Exchange, signs in and opens the mailbox, as the service does that reads it.",
        _without_mailbox,
    ),
    Check(
        "clock",
        "Clock",
        "Compares this machine's clock with the times that the other servers sent.",
    ),
)
BY_CHECK: Mapping[str, Check] = {check.name: check for check in CHECKS}


def steps_of(integration: Integration) -> list[Step]:
    """Return the steps of a run, in order."""
    return [
        Step(check, instance)
        for check in CHECKS
        for instance in (("",) if check.skipped(integration) else check.instances(integration))
    ]


_RANK: Mapping[Outcome, int] = {Outcome.OK: 1, Outcome.WARNING: 2, Outcome.FAILED: 3}


def worst(results: Sequence[CheckResult]) -> Outcome:
    """Return the outcome of a run: that of its worst step."""
    return max((result.outcome for result in results), key=lambda one: _RANK.get(one, 0), default=Outcome.SKIPPED)
