"""The part of a form that says what an account or a program may do: a role, and the integrations it is for."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from addin_host.domain.access import Role
from addin_host.flows import integrations
from addin_host.web.numbers import row_number

ROLES = [(role.value, role.label) for role in Role]


def integration_choices(session: Session) -> list[tuple[int, str]]:
    """Return number and name of every integration."""
    return [(one.id, one.name) for one in integrations.overview(session)]


def chosen_role() -> Role:
    """Return the role that the form names; the one that may least when it names none."""
    given = request.form.get("role", "")
    return Role(given) if given in set(Role) else Role.VIEWER


def chosen_integrations() -> tuple[int, ...]:
    """Return the integrations ticked in the form; they count for integration administrators only."""
    ticked = {number for text in request.form.getlist("integrations") if (number := row_number(text)) is not None}
    return tuple(sorted(ticked)) if chosen_role() is Role.INTEGRATION_ADMIN else ()
