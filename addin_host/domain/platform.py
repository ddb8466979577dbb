"""Settings of the deployment, as data: what is not per integration (platform_fields.json)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from addin_host.domain.errors import Invalid, Problem
from addin_host.domain.fields import Field, Value, defaults, read_table
from addin_host.domain.validation import check_fields

PLATFORM_FIELDS: Sequence[Field] = read_table("platform_fields.json")
PLATFORM_BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in PLATFORM_FIELDS})
_WORDS: Mapping[str, bool] = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """The settings of the moment: every field of the table but the secrets, of which only the names are known."""

    values: Mapping[str, Any]
    secrets_set: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> Any:
        """Return one setting by its name in the table."""
        return self.values[name]

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the entries of a setting that holds one entry per line."""
        return tuple(line.strip() for line in str(self[name]).splitlines() if line.strip())


def platform_defaults() -> dict[str, Value]:
    """Return every setting but the secrets at its default."""
    secrets = {field.name for field in PLATFORM_FIELDS if field.is_secret}
    return {name: value for name, value in defaults(PLATFORM_FIELDS).items() if name not in secrets}


def from_text(field: Field, text: str) -> Value:
    """Return what a text means for a field; what cannot be read is returned as it is, for the checks to refuse."""
    if field.kind == "bool":
        return _WORDS.get(text.strip().lower(), text)
    if field.kind == "int":
        return int(text) if text.strip().isascii() and text.strip().isdigit() else text
    return text


def to_text(value: Value) -> str:
    """Return a value as it is stored."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_platform(values: Mapping[str, Any], *, secrets_set: frozenset[str]) -> None:
    """Raise Invalid when the settings, with newly given secrets among them, do not hold."""
    unknown = [Problem(name, name, "is not a platform setting.") for name in values if name not in PLATFORM_BY_NAME]
    problems = unknown + check_fields(PLATFORM_FIELDS, values, secrets_set=secrets_set)
    if values["password_sign_in"] is False and values["oidc_enabled"] is False:
        label = PLATFORM_BY_NAME["password_sign_in"].label
        problems.append(Problem("password_sign_in", label, "is the only way in. Switch OpenID Connect on first."))
    if problems:
        raise Invalid(problems)
