"""When a field stands in the form: as the table says, and where one more case needs it (docs/decisions.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from addin_host.domain.fields import Condition, Field, holds

# Sign-in honours it as well, whatever the kinds of VMR: an AD FS farm usually has a private address.
_ALSO: Mapping[str, tuple[Condition, ...]] = {"internal_exchange": ({"enable_personal_vmrs": True},)}


def available_when(field: Field) -> tuple[Condition, ...]:
    """Return the conditions, any of which shows the field in the form."""
    return field.available_when + _ALSO.get(field.name, ())


def is_available(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether the field is shown in the form, given the other values."""
    return any(holds(condition, values) for condition in available_when(field))
