"""What a route declares: how it knows its callers, and what they must be allowed to do. access.py enforces it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from addin_host.domain.access import Permission

View = TypeVar("View", bound=Callable[..., Any])
FORM_BODY = 1024 * 1024


class Auth(StrEnum):
    """How a route knows who asks."""

    PUBLIC = "public"
    STATE = "single-use state or verifier"
    BEARER = "bearer of the pane"
    SESSION = "session of an administrator"
    API = "credentials of the REST API"
    POLICY = "credentials of the conference platform"


@dataclass(frozen=True, slots=True)
class Admission:
    """What a route declares. `fresh` asks a person to have proved who they are lately; `max_body` is in bytes."""

    auth: Auth
    permission: Permission | None = None
    fresh: bool = False
    max_body: int | None = None


def admits(auth: Auth, permission: Permission | None = None) -> Callable[[View], View]:
    """Declare how a route knows its caller, where that is not an administrator's session."""
    return _declare(Admission(auth, permission, max_body=FORM_BODY if auth is Auth.API else None))


def needs(permission: Permission | None, *, fresh: bool = False, max_body: int = FORM_BODY) -> Callable[[View], View]:
    """Declare that a route is for administrators who hold the permission; None is any administrator."""
    return _declare(Admission(Auth.SESSION, permission, fresh, max_body))


def _declare(admission: Admission) -> Callable[[View], View]:
    def declare(view: View) -> View:
        view.admission = admission  # type: ignore[attr-defined]
        return view

    return declare
