"""Checks a submitted integration record and names every field at fault in an administrator's words.

Only structure is judged here. Whether templates can be rendered is tried by the flow that saves the record, and
uniqueness is known only to the store.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from addin_host.domain.access import Role
from addin_host.domain.errors import Problem
from addin_host.domain.fields import BY_NAME, FIELDS, Field, holds, is_blank
from addin_host.domain.text import RenderProblem
from addin_host.domain.text.markup import cleaned

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_FQDN = re.compile(rf"{_LABEL}(\.{_LABEL})+", re.IGNORECASE)
_EMAIL = re.compile(rf"[^\s@<>()\[\],;:\\\"]{{1,64}}@{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?")
_DIALABLE = re.compile(r"[A-Za-z0-9._+-]+")
_PEM = re.compile(r"(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+")
_NUMBER = re.compile("[0-9]{1,9}")  # of a row
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Check = Callable[[Field, Any], str | None]


def is_fqdn(text: str) -> bool:
    """Whether the text is a host name of at least two labels, whose last is not a number."""
    return len(text) <= 253 and bool(_FQDN.fullmatch(text)) and not text.rsplit(".", 1)[-1].isdigit()


def is_host(text: str) -> bool:
    """Whether the text is a host name of one or more labels."""
    return len(text) <= 253 and bool(re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text, re.IGNORECASE))


def is_email(text: str) -> bool:
    """Whether the text has the form of one e-mail address."""
    return len(text) <= 254 and bool(_EMAIL.fullmatch(text))


def https_problem(text: str) -> str | None:
    """Return what is wrong with an https address, or None."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "is not an address. Enter one such as https://host.example.com/path"
    if parts.scheme != "https" or not parts.hostname:
        return "must begin with https:// and a host name"
    if parts.username is not None or parts.password is not None:
        return "must not contain a user name or password"
    if re.search(r"[\s;\"'<>\\^`{|}]", text) or port == 0:
        return "contains characters that an address cannot have"
    return None


def _origin_problem(text: str) -> str | None:
    problem = https_problem(text)
    if problem is None and (urlsplit(text).path not in ("", "/") or urlsplit(text).query or "*" in text):
        return "must be a scheme and host only, such as https://mail.example.com"
    return problem


def _uuid_problem(text: str) -> str | None:
    try:
        uuid.UUID(text)
    except ValueError:
        return "must be a UUID, such as 4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
    return None


def _each_line(check: Callable[[str], str | None]) -> Check:
    def check_lines(_field: Field, value: Any) -> str | None:
        for line in filter(None, (line.strip() for line in value.splitlines())):
            if problem := check(line):
                return f"the entry {line!r} {problem}"
        return None

    return check_lines


def _proxy_problem(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port and parts.path in ("", "/")
    except ValueError:
        good = False
    return None if good else "must be http://host:port, with nothing after the port"


def _role_problem(text: str) -> str | None:
    value, separator, role = text.rpartition("=")  # distinguished names hold equals signs themselves
    name, *numbers = role.split() or [""]
    if not separator or not value.strip() or name not in set(Role):
        return f"must be a value, an equals sign and one of {', '.join(Role)}"
    if name == Role.INTEGRATION_ADMIN and not (numbers and all(map(_NUMBER.fullmatch, numbers))):
        return "must name the numbers of the integrations after the role"
    return None if name == Role.INTEGRATION_ADMIN or not numbers else "must hold nothing after the role"


def _one_of(field: Field, value: Any) -> str | None:
    return None if value in field.choices else f"must be one of {', '.join(field.choices)}"


def _some_of(field: Field, value: Any) -> str | None:
    if not isinstance(value, list) or any(item not in field.choices for item in value):
        return f"must be a list of {', '.join(field.choices)}"
    return None


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())  # looking them up reads hundreds of files


def _reference(_field: Field, value: Any) -> str | None:
    # Whether the entry exists is known only to the store.
    return None if isinstance(value, int) and not isinstance(value, bool) else "must be an entry of the list"


def _metadata_sources(_field: Field, value: Any) -> str | None:
    for entry in value:
        if not isinstance(entry, str) or len(entry) > 192:
            return "each entry must be text of at most 192 characters"
        problem = https_problem(entry) if "/" in entry else None if is_fqdn(entry) else "is not a host name"
        if problem:
            return f"the entry {entry!r} {problem}"
    return None


def _html_problem(_field: Field, value: Any) -> str | None:
    try:
        cleaned(value)
    except RenderProblem as problem:
        return f"cannot be shown: {problem.message}"
    return None


_CHECKS: Mapping[str, Check] = {
    "bool": lambda _f, v: None if isinstance(v, bool) else "must be on or off (true or false)",
    "int": lambda _f, v: None if isinstance(v, int) and not isinstance(v, bool) else "must be a whole number",
    "choice": _one_of,
    "list_of_choices": _some_of,
    "reference": _reference,
    "url": lambda _f, v: https_problem(v),
    "fqdn": lambda _f, v: None if is_fqdn(v) else "is not a host name. Enter one such as vmr.example.com",
    "email": lambda _f, v: None if is_email(v) else "is not an e-mail address",
    "uuid": lambda _f, v: _uuid_problem(v),
    "pem": lambda _f, v: None if _PEM.fullmatch(v.strip()) else "must hold certificates in PEM form, and nothing else",
    "html_label": _html_problem,
    "static_html": _html_problem,
    "list_of_urls_one_per_line": _each_line(https_problem),
    "list_of_origins_one_per_line": _each_line(_origin_problem),
    "list_of_uuids_one_per_line": _each_line(_uuid_problem),
    "list_of_url_or_fqdn": _metadata_sources,
    "list_of_emails_one_per_line": _each_line(lambda text: None if is_email(text) else "is not an e-mail address"),
    "list_of_roles_one_per_line": _each_line(_role_problem),
    "proxy": lambda _f, v: _proxy_problem(v),
    "host": lambda _f, v: None if is_host(v) else "is not a host name. Enter one such as mail.example.com",
}
_LISTS = frozenset({"list_of_choices", "list_of_url_or_fqdn"})
_PLAIN = frozenset({"bool", "int"})

# Rules that the table states in words under `constraints`.
_OF_ONE_FIELD: Mapping[str, Check] = {
    "default_locale": lambda _f, v: None if _LOCALE.fullmatch(v) else "is not a language tag. Enter one such as en-US",
    "time_zone": lambda _f, v: None if v in _time_zones() else "is not a time zone name such as Europe/Oslo",
    "scheduled_alias_prefix": lambda _f, v: (
        None if _DIALABLE.fullmatch(v) else "may hold only letters, digits and the characters . _ + -"
    ),
}


def unknown_names(values: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each submitted name that is not a field which a person may set."""
    problems = []
    for name in values:
        if name not in BY_NAME:
            problems.append(Problem(name, name, "is not a field of an integration. Remove it or correct its spelling."))
    return problems


def check_record(values: Mapping[str, Any], *, secrets_set: Iterable[str] = ()) -> list[Problem]:
    """Return every problem of a full record (all fields present, secrets only when newly given).

    `secrets_set` names the secrets that are stored already, which a blank value keeps.
    """
    return check_fields(FIELDS, values, secrets_set=secrets_set) + list(_cross_field(values))


def check_fields(
    fields: Iterable[Field], values: Mapping[str, Any], *, secrets_set: Iterable[str] = ()
) -> list[Problem]:
    """Return what is wrong with the fields one by one, each with the others' values in view."""
    kept = frozenset(secrets_set)
    return [problem for field in fields for problem in _check_field(field, values, kept)]


def _check_field(field: Field, values: Mapping[str, Any], kept: frozenset[str]) -> Iterator[Problem]:
    value = values.get(field.name)
    if not field.is_editable or field.kind == "image" or not field.is_available(values):
        return
    if is_blank(value):
        if field.is_required(values) and field.name not in kept and not field.may_be_blank:
            yield Problem(field.name, field.label, "is missing. Enter a value.")
        elif field.kind in _PLAIN:
            yield Problem(field.name, field.label, "must not be empty.")
        return
    message = _shape_problem(field, value) or _limit_problem(field, value) or _kind_problem(field, value)
    if message:
        yield Problem(field.name, field.label, message.rstrip(".") + ".")


def _shape_problem(field: Field, value: Any) -> str | None:
    if field.kind in _PLAIN or field.kind == "reference":
        return None
    if field.kind in _LISTS:
        return None if isinstance(value, list) else "must be a list"
    if not isinstance(value, str):
        return "must be text"
    if _CONTROLS.search(value):
        return "contains control characters. Remove them"
    return None


def _limit_problem(field: Field, value: Any) -> str | None:
    if field.range and isinstance(value, int) and not field.range[0] <= value <= field.range[1]:
        return f"must be from {field.range[0]} to {field.range[1]}"
    if not isinstance(value, str):
        return None
    if field.max_length and len(value) > field.max_length:
        return f"is {len(value)} characters long; at most {field.max_length} are allowed"
    if field.min_length and len(value) < field.min_length:
        return f"must be at least {field.min_length} characters long"
    return None


def _kind_problem(field: Field, value: Any) -> str | None:
    check = _CHECKS.get(field.kind)
    own = _OF_ONE_FIELD.get(field.name)
    return (check(field, value) if check else None) or (own(field, value) if own else None)


def _cross_field(values: Mapping[str, Any]) -> Iterator[Problem]:
    for field in FIELDS:
        for rule in field.requires if field.is_available(values) else ():
            if not _rule_holds(rule, values):
                yield Problem(field.name, field.label, f"{rule['message']}.")


def _rule_holds(rule: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if "any_of" in rule:
        return any(values.get(name) for name in rule["any_of"])
    return not holds(rule["if"], values) or holds(rule["then"], values)
