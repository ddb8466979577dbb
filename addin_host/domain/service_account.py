"""The service account that an EWS mailbox is read with over OAuth: when it has to sign in, and who it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

CALLBACK = "/admin/platform/msexchangeconnector/oauth_redirect/"
SIGN_IN_NEEDED = "Sign in to the service account on the integration's page."

_SIGNED_IN_WITH = ("username", "oauth_client_id", "oauth_token_endpoint")


def is_used(values: Mapping[str, Any]) -> bool:
    """Whether an integration with these settings reads its mailbox as a service account that signs in."""
    is_chosen = values.get("mailbox_protocol", "EWS") == "EWS" and values.get("authentication_method") == "OAUTH"
    return is_chosen and bool(values.get("enable_dynamic_vmrs"))


def signed_in_with(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a sign-in holds for: with another of these settings, the account has to sign in again."""
    return tuple(str(values.get(name) or "").strip().lower() for name in _SIGNED_IN_WITH)


def is_account(username: str, names: Iterable[str]) -> bool:
    """Whether one of the names that a sign-in service gives an account is the configured one."""
    wanted = username.strip().casefold()
    return bool(wanted) and wanted in {name.strip().casefold() for name in names}
