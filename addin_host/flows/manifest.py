"""Render an integration's add-in manifest, and let nothing out that Outlook would refuse."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError

from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.manifest import Expected, check_manifest, errors, manifest_context

TEMPLATE_NAME = "outlook-addin.xml"


def manifest_environment(folder: Path) -> Environment:
    """Return the environment of the manifest templates: every value is escaped, and a name that is not given fails."""
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )


def render_manifest(template: Template, integration: Integration) -> bytes:
    """Return the manifest as UTF-8. Raises Misconfigured, naming every finding, when Outlook would refuse it."""
    try:
        xml = template.render(manifest_context(integration)).encode("utf-8")
    except TemplateError as problem:
        raise Misconfigured(f"The manifest template cannot be used: {problem}.") from problem
    findings = errors(check_manifest(xml, expected=expected_of(integration)))
    if findings:
        listed = "\n".join(map(str, findings))
        raise Misconfigured(f"Outlook would refuse this integration's add-in manifest. Correct this first:\n{listed}")
    return xml


def expected_of(integration: Integration) -> Expected:
    """Return what the checker is to expect of an integration's manifest. No control calls a function yet."""
    return Expected(
        addin_id=integration.uuid,
        addin_host=urlsplit(integration.origin).netloc,
        functions=frozenset(),
    )
