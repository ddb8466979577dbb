"""The checks of an integration that need nobody else: its secrets, templates, manifest and icon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jinja2

from addin_host.domain.checks import Verdict, fail, fine, warn
from addin_host.domain.errors import Misconfigured, Refused
from addin_host.domain.fields import BY_NAME, FIELDS, is_blank
from addin_host.domain.integration import Integration
from addin_host.domain.ports import TemplateCandidate, TemplateTrial
from addin_host.domain.text import TemplateProblem
from addin_host.flows.icons import accept_icon
from addin_host.flows.integrations.reading import place_of
from addin_host.flows.manifest import judge_manifest
from addin_host.store.secrets import SecretBox

_CORRECT = "Correct the integration's entries before you deploy the manifest again."


@dataclass(frozen=True, slots=True)
class Own:
    """What is stored of an integration besides its fields, and what it is judged with."""

    icon: bytes | None
    sealed: Mapping[str, str]
    box: SecretBox
    trial: TemplateTrial
    manifest: jinja2.Template


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
    return fine(f"All templates in use can be rendered ({len(fields)}).")


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
}
