"""What the pages with Office.js print, whichever door serves them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds, has_dialog
from addin_host.domain.integration import Integration
from addin_host.domain.text import html_to_text, inline_html, sanitise_html
from addin_host.web.services import MSAL, services


def office_context(integration: Integration) -> dict[str, Any]:
    """Return what the templates of pages with Office.js print."""
    return {
        "integration": integration,
        "label": lambda name: Markup(inline_html(integration[name] or "")),  # noqa: S704 - sanitised right here
        "block": lambda name: Markup(sanitise_html(integration[name] or "")),  # noqa: S704 - likewise
        "plain": lambda name: html_to_text(inline_html(integration[name] or "")),
        "office_js_url": office_js_url(integration),
        "scripts": integration.script_urls,
        "styles": integration.style_urls,
        "config": _config(integration),
    }


def office_js_url(integration: Integration) -> str:
    """Return where the pages of this integration load Office.js from."""
    host = services()
    return host.assets.url(host.deployment.stand_in) if host.deployment.stand_in else integration.office_js_url


def _config(integration: Integration) -> dict[str, Any]:
    """Return what the scripts of pane and commands page read. The pages are public: nothing here is secret."""
    return {
        "base": integration.base_url.removeprefix(integration.origin),
        "origin": integration.origin,
        "personal": integration["enable_personal_vmrs"],
        "singleUse": integration["enable_dynamic_vmrs"],
        "enabled": integration["enabled"],
        "debug": integration["enable_addin_debug_logs"],
        "locale": integration["default_locale"],
        "kinds": _kinds(integration),
        "dialog": has_dialog(integration),
        "naa": _naa(integration),
    }


def _kinds(integration: Integration) -> list[str]:
    """Return the kinds that the pane asks for. Without a source of keys a token of Exchange could not be verified."""
    known = integration["domains"]
    return [kind.value for kind in accepted_kinds(integration) if kind is not IdentityKind.EXCHANGE or known]


def _naa(integration: Integration) -> dict[str, str] | None:
    if IdentityKind.NAA not in accepted_kinds(integration):
        return None
    assets = services().assets
    return {
        "clientId": integration["addin_application_id"] or "",
        "authority": integration["addin_authority_url"] or "",
        "scope": f"api://{integration['addin_naa_web_api_application_id']}/{integration['api_scope']}",
        "library": assets.url(MSAL) if assets.has(MSAL) else "",
    }
