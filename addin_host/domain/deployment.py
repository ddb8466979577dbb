"""What is decided once for a deployment, not per integration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from addin_host.domain.errors import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Deployment:
    """How addresses are built. Production has one form of it; the demo and the tests pass another.

    `origin` may hold `{fqdn}`; `stand_in` is a static file of ours that replaces Office.js; `framed_by_self` lets the
    pane stand in a page of ours. Both are the demo's.
    """

    origin: str = "https://{fqdn}"
    stand_in: str = ""
    framed_by_self: bool = False


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """Settings that are not per integration, kept in the database.

    `web_proxy` is an address such as http://proxy.example.com:3128, or empty; hours are whole hours.
    """

    web_proxy: str = ""
    signin_session_hours: int = 8

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> PlatformSettings:
        """Read the stored texts. Raises Invalid, naming each setting at fault."""
        known = {field.name for field in fields(cls)}
        problems = [Problem(name, name, "is not a platform setting.") for name in texts if name not in known]
        hours = texts.get("signin_session_hours", "8")
        if not (hours.isascii() and hours.isdigit() and 1 <= int(hours) <= 24 * 30):
            problems.append(Problem("signin_session_hours", "Sign-in session", "must be from 1 to 720 hours."))
        proxy = texts.get("web_proxy", "")
        if proxy and not _is_proxy(proxy):
            problems.append(Problem("web_proxy", "Web proxy", "must be http://host:port, with nothing after the port."))
        if problems:
            raise Invalid(problems)
        return cls(web_proxy=proxy, signin_session_hours=int(hours))


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname and parts.port) and parts.path in ("", "/")
    except ValueError:
        return False
