"""The checks of an integration that need nobody else: its secrets, templates, manifest and icon, and single-use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jinja2
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain import single_use_checks
from addin_host.domain.checks import Verdict, fail, fine, warn
from addin_host.domain.errors import Misconfigured, Refused
from addin_host.domain.fields import BY_NAME, FIELDS, is_blank
from addin_host.domain.integration import Integration
from addin_host.domain.ports import TemplateCandidate, TemplateTrial
from addin_host.domain.text import RenderProblem, TemplateProblem, html_to_text, sanitise_html
from addin_host.flows.icons import accept_icon
from addin_host.flows.integrations.reading import place_of
from addin_host.flows.manifest import judge_manifest
from addin_host.store.models import ScheduledAliasRow
from addin_host.store.secrets import SecretBox

_CORRECT = "Correct the integration's entries before you deploy the manifest again."


@dataclass(frozen=True, slots=True)
class Own:
    """What is stored of an integration besides its fields, and what it is judged with.

    `live_aliases`: how many aliases it has handed out and not taken back. `has_nested_library`: as in Installation.
    """

    icon: bytes | None
    sealed: Mapping[str, str]
    box: SecretBox
    trial: TemplateTrial
    manifest: jinja2.Template
    live_aliases: int = 0
    has_nested_library: bool = False


def live_aliases(session: Session, integration_id: int) -> int:
    """Return how many numbers of an integration are taken, by meetings or in quarantine."""
    taken = select(func.count()).where(
        ScheduledAliasRow.integration_id == integration_id, ScheduledAliasRow.released_at.is_(None)
    )
    return session.scalar(taken) or 0


def secrets(integration: Integration, own: Own) -> Verdict:
    """Open every stored secret."""
    lost = []
    for name, sealed in own.sealed.items():
        try:
            own.box.open(place_of(integration.id, name), sealed)
        except Misconfigured:
            lost.append(BY_NAME[name].label if name in BY_NAME else name)
    if lost:
        return fail(
            f"Cannot be opened with this key file: {', '.join(sorted(lost))}.",
            "Put the key file back that they were sealed with, or enter them again.",
        )
    number = len(own.sealed)
    return fine("There are no stored secrets." if not number else f"All stored secrets can be read ({number}).")


def templates(integration: Integration, own: Own) -> Verdict:
    """Try every template that is in use, as saving does."""
    fields = [
        field
        for field in FIELDS
        if field.is_template and field.is_available(integration.values) and not is_blank(integration[field.name])
    ]
    try:
        found = own.trial([TemplateCandidate(integration[f.name], f.kind, f.variables, f.must_print) for f in fields])
    except TemplateProblem:
        return warn("The templates could not be tried: this machine is too busy.", "Check again in a minute.")
    problems = [f"{field.label}, {problem}." for field, problem in zip(fields, found, strict=True) if problem]
    if problems:
        return fail("\n".join(problems), "Correct the template in the integration.")
    if remark := _placeholder(integration):
        return warn(f"{_PLACEHOLDER.label}: {remark}", "Correct the text in the integration.")
    return fine(f"All templates in use can be rendered ({len(fields)}).")


_PLACEHOLDER = BY_NAME["placeholder_instructions_template"]


def _placeholder(integration: Integration) -> str:
    """Return what makes the placeholder useless to those who are invited, or ""."""
    if not _PLACEHOLDER.is_available(integration.values):
        return ""
    try:
        text = html_to_text(sanitise_html(str(integration[_PLACEHOLDER.name] or "")))
    except RenderProblem as problem:
        return f"it cannot be shown. {problem.message}"
    if "{{" in text or "{%" in text:
        return "it holds a variable, but none is filled in here. People would read it as it stands."
    return "" if text.strip() else "it prints nothing, so people who are invited are not told what will come."


def manifest(integration: Integration, own: Own) -> Verdict:
    """Build the manifest, and judge it and the icon."""
    try:
        if own.icon is not None:
            accept_icon(own.icon)
        judged = judge_manifest(own.manifest, integration)
    except Misconfigured as problem:
        return fail(problem.message, _CORRECT)
    except Refused as problem:
        return fail(f"The icon cannot be used. {problem.message}", "Upload another icon.")
    if not judged.findings:
        return fine("Outlook takes the manifest and the icon.")
    listed = "\n".join(finding.message for finding in judged.findings)
    if judged.is_usable:
        return warn(listed, _CORRECT)
    return fail(f"Outlook would refuse the manifest.\n{listed}", _CORRECT)


LOCAL: Mapping[str, Callable[[Integration, Own], Verdict]] = {
    "secrets": secrets,
    "templates": templates,
    "manifest": manifest,
    "ways_in": lambda one, own: single_use_checks.ways_in(one, has_library=own.has_nested_library),
    "nested": lambda one, own: single_use_checks.nested(one, has_library=own.has_nested_library),
    "alias_space": lambda one, own: single_use_checks.alias_space(one, own.live_aliases),
}
