"""What an account, or the credentials of a program, must look like."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from addin_host.domain.access import Role
from addin_host.domain.errors import Problem
from addin_host.domain.validation import is_email

MAX_NAME = 150
_NAME = re.compile(r"[\w@.+'-](?:[\w@.+' -]*[\w@.+'-])?")
_MAX_DISPLAY_NAME = 250


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """What people enter of an account. `integrations` are the ids that an integration administrator reaches."""

    name: str
    display_name: str = ""
    email: str = ""
    role: Role = Role.VIEWER
    integrations: tuple[int, ...] = ()
    enabled: bool = True


def account_problems(draft: AccountDraft) -> list[Problem]:
    """Return everything that is wrong with an account by itself."""
    return [*name_problems(draft.name), *_person_problems(draft), *scope_problems(draft.role, draft.integrations)]


def name_problems(name: str) -> Iterator[Problem]:
    """Say what is wrong with the name of an account or API user. A colon would end the name in HTTP Basic."""
    if not name:
        yield Problem("name", "Name", "is missing. Enter the name to sign in with.")
    elif len(name) > MAX_NAME:
        yield Problem("name", "Name", f"is {len(name)} characters long; at most {MAX_NAME} are allowed.")
    elif not _NAME.fullmatch(name):
        yield Problem("name", "Name", "may hold letters, digits, spaces inside, and the characters @ . + ' _ and -.")


def scope_problems(role: Role, integrations: tuple[int, ...]) -> Iterator[Problem]:
    """Say what is wrong between a role and the integrations that it is for."""
    if role is Role.INTEGRATION_ADMIN and not integrations:
        yield Problem("integrations", "Integrations", "are missing. Choose what this role is for.")
    if role is not Role.INTEGRATION_ADMIN and integrations:
        yield Problem(
            "integrations", "Integrations", "belong to the role Integration administrator only. Choose none of them."
        )


def _person_problems(draft: AccountDraft) -> Iterator[Problem]:
    if len(draft.display_name) > _MAX_DISPLAY_NAME or not draft.display_name.isprintable():
        yield Problem("display_name", "Display name", f"may hold {_MAX_DISPLAY_NAME} printable characters at most.")
    if draft.email and not is_email(draft.email):
        yield Problem("email", "E-mail", "is not an e-mail address. Enter one such as kim@example.com.")


def role_from(lines: Iterable[str], values: Collection[str]) -> tuple[Role, tuple[int, ...]] | None:
    """Return role and integrations of the first line that matches a value of the provider's claim, or None.

    Lines are such as `addin-admins = platform-admin` or `sales-it = integration-admin 1 4`.
    """
    for line in lines:
        value, _, role = line.rpartition("=")
        name, *numbers = role.split()
        if value.strip() in values:
            return Role(name), tuple(sorted({int(number) for number in numbers}))
    return None
