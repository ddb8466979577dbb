"""What the manifest's template prints: an integration's labels, cleaned and cut, and its addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from addin_host.domain.fields import BY_NAME, FIELDS, is_blank
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds
from addin_host.domain.integration import Integration, origin_of
from addin_host.domain.manifest.values import MAX_SHORT, length
from addin_host.domain.text import html_to_text, inline_html

# The first part of every Version. Raise it when manifests/outlook-addin.xml prints something else than before, since
# Outlook takes up a manifest only when its Version has risen.
OUTPUT_REVISION = 1
LABELS = tuple(field for field in FIELDS if field.manifest_max)
MOBILE_ICONS = tuple((size, scale) for size in (25, 32, 48) for scale in (1, 2, 3))
_PART = 10_000
# Characters that XML forbids, other controls that are not spaces, and marks that turn the reading direction round.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class CutLabel:
    """A label that is too long for the manifest: its field, what remains, and how long it may be."""

    field: str
    label: str
    printed: str
    limit: int

    def __str__(self) -> str:
        return (
            f"{self.label}: Outlook shows at most {self.limit} characters, so the manifest says “{self.printed}”. "
            "Shorten the text if that is not what you want."
        )


def clean(text: str) -> str:
    """Return a label as one line of text without the characters that no manifest may hold."""
    return " ".join(_UNWANTED.sub("", text).split())


def cut_at_word(text: str, limit: int) -> str:
    """Return as many whole words of a text as fit `limit`; a first word that is longer is itself cut."""
    if length(text) <= limit:
        return text
    fits = text[:limit]
    while length(fits) > limit:
        fits = fits[:-1]
    if not text[len(fits)].isspace() and not fits[-1:].isspace():
        words = fits.rsplit(None, 1)
        fits = words[0] if len(words) > 1 else fits
    return fits.rstrip()


def is_on(integration: Integration, switch: str) -> bool:
    """Whether a switch that is for single-use VMRs is on and they are as well."""
    return bool(integration["enable_dynamic_vmrs"] and integration[switch])


def functions(integration: Integration) -> frozenset[str]:
    """Return the functions of the commands page that the manifest may call (static/addin/commands.js, launch.js)."""
    return frozenset({"addRoom", "checkOnSend"} if is_on(integration, "enable_on_send_check") else {"addRoom"})


def too_long_labels(integration: Integration) -> list[CutLabel]:
    """Return the labels that the manifest cuts, for a warning to the administrator."""
    printed = [(field, clean(str(integration[field.name] or "")), field.manifest_max or 0) for field in LABELS]
    if is_on(integration, "enable_add_command") or is_on(integration, "enable_mobile"):
        printed.append((BY_NAME["addin_pane_button_title"], command_label(integration), MAX_SHORT))
    return [
        CutLabel(field.name, field.label, cut_at_word(text, limit), limit)
        for field, text, limit in printed
        if length(text) > limit
    ]


def command_label(integration: Integration) -> str:
    """Return what the pane's button for single-use VMRs says, as plain text; without any, what the ribbon's says."""
    plain = clean(html_to_text(inline_html(str(integration["addin_pane_button_title"] or ""))))
    return plain or clean(str(integration["addin_button_label"] or ""))


def manifest_version(counter: int) -> str:
    """Return the Version for the integration's counter: `REVISION.0.N.R`, rising with every save.

    N and R are the counter divided by ten thousand and the rest, since Outlook allows five digits a part.
    """
    return f"{OUTPUT_REVISION}.0.{counter // _PART}.{counter % _PART}"


def manifest_locale(language: str) -> str:
    """Return a BCP 47 language tag as the manifest writes it: language, script and region, the rest left out."""
    parts = _LOCALE.match(language.strip().replace("_", "-"))
    if not parts:
        return language
    name, script, region = parts.groups()
    return "-".join(filter(None, (name.lower(), script and script.title(), region and region.upper())))


def app_domains(integration: Integration) -> list[str]:
    """Return the origins that the pane and its dialogs visit: our own, then the identity provider's."""
    provider = BY_NAME["personal_vmr_oauth_auth_endpoint"]
    origins = [integration.origin]
    if provider.is_available(integration.values) and not is_blank(integration[provider.name]):
        origins.append(origin_of(str(integration[provider.name])))
    return list(dict.fromkeys(origins))


def manifest_context(integration: Integration) -> dict[str, object]:
    """Return everything that manifests/outlook-addin.xml prints; the labels carry their field's name."""
    labels = {
        field.name: cut_at_word(clean(str(integration[field.name] or "")), field.manifest_max or 0) for field in LABELS
    }
    return {
        **labels,
        "addin_id": integration.uuid,
        "version": manifest_version(integration.version),
        "default_locale": manifest_locale(str(integration["default_locale"] or "")),
        "app_domains": app_domains(integration),
        "pane_url": integration.pane_url,
        "icon_url": f"{integration.base_url}/icon",
        "icon_hash": integration.icon_hash,
        **_commands(integration),
    }


def _commands(integration: Integration) -> dict[str, object]:
    """Return what stands in the manifest only when a switch asks for it."""
    has_sso = IdentityKind.SSO in accepted_kinds(integration)
    sso = {"id": integration["addin_application_id"], "resource": integration.application_id_uri}
    return {
        "has_add_command": is_on(integration, "enable_add_command"),
        "has_mobile": is_on(integration, "enable_mobile"),
        "has_on_send_check": is_on(integration, "enable_on_send_check"),
        "add_label": cut_at_word(command_label(integration), MAX_SHORT),
        "commands_url": f"{integration.base_url}/commands",
        "launch_url": f"{integration.base_url}/launch.js",
        "mobile_icons": MOBILE_ICONS,
        "mobile_pixels": sorted({size * scale for size, scale in MOBILE_ICONS}),
        "sso": sso if has_sso else None,
    }
