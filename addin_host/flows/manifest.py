"""Render an integration's add-in manifest, and let nothing out that Outlook would refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError

from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.manifest import Expected, Finding, check_manifest, errors, functions, manifest_context

TEMPLATE_NAME = "outlook-addin.xml"


@dataclass(frozen=True, slots=True)
class Judged:
    """A manifest and all that the checker says about it."""

    xml: bytes
    findings: Sequence[Finding]

    @property
    def is_usable(self) -> bool:
        """Whether Outlook would take it."""
        return not errors(self.findings)


def manifest_environment(folder: Path) -> Environment:
    """Return the environment of the manifest templates: every value is escaped, and a name that is not given fails."""
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )


def published(integration: Integration) -> Integration:
    """Return the integration at the address that it has in production.

    Outlook takes https alone. Where this program is tried out over http, the manifest is made for https and the
    integration's own host name, so that it is the one to deploy later.
    """
    if not integration.origin.startswith("http://"):
        return integration
    return replace(integration, origin=f"https://{integration.fqdn}")


def print_manifest(template: Template, integration: Integration) -> bytes:
    """Return the manifest as UTF-8, unchecked. Raises Misconfigured when the template cannot be used."""
    try:
        return template.render(manifest_context(published(integration))).encode("utf-8")
    except TemplateError as problem:
        raise Misconfigured(f"The manifest template cannot be used: {problem}.") from problem


def judge_manifest(template: Template, integration: Integration) -> Judged:
    """Return the manifest with what the checker says. Raises Misconfigured when the template cannot be used."""
    xml = print_manifest(template, integration)
    return Judged(xml, check_manifest(xml, expected=expected_of(published(integration))))


def render_manifest(template: Template, integration: Integration) -> bytes:
    """Return the manifest as UTF-8. Raises Misconfigured, naming every finding, when Outlook would refuse it."""
    judged = judge_manifest(template, integration)
    if not judged.is_usable:
        listed = "\n".join(map(str, errors(judged.findings)))
        raise Misconfigured(f"Outlook would refuse this integration's add-in manifest. Correct this first:\n{listed}")
    return judged.xml


def expected_of(integration: Integration) -> Expected:
    """Return what the checker is to expect of an integration's manifest."""
    return Expected(
        addin_id=integration.uuid,
        addin_host=urlsplit(integration.origin).netloc,
        functions=functions(integration),
    )
