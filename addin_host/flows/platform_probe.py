"""Trying the management API of the conference platform, as the stored settings name it."""

from __future__ import annotations

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Misconfigured
from addin_host.domain.platform import PlatformSettings
from addin_host.domain.ports import Outside
from addin_host.flows import platform
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox


def is_used(settings: PlatformSettings) -> bool:
    """Whether anything is written to a management API or read from it."""
    return bool(settings["platform_sync"] or settings["conference_platform"] == "MANAGEMENT_API")


def probe(database: Database, *, box: SecretBox, outside: Outside, caller: Caller) -> str:
    """Return what to say when address and credentials hold. Raises Upstream and Misconfigured when they do not."""
    caller.require(Permission.CHANGE_SETTINGS)
    with database.read() as session:
        if not is_used(platform.read(session)):
            raise Misconfigured("No management API is in use. Choose it above, and save.")
        address = platform.management_api(session, box=box)
    outside.platforms.open(address).probe()
    return f"The conference platform at {address.url} answers, and lets us in."
