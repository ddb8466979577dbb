"""Who may do what: roles, the permissions they hold, and the caller of a request (design/security.md S6, I1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from addin_host.domain.errors import Reason, Refused


class Permission(StrEnum):
    """Something that a route or a command asks for. The value completes the sentence `You may not …`."""

    SEE_INTEGRATIONS = "see integrations"
    CHANGE_INTEGRATIONS = "change integrations"
    CREATE_INTEGRATIONS = "create or delete integrations"
    RUN_CHECKS = "run checks"
    CHANGE_CONFERENCES = "remove conferences or repeat what failed"
    SEE_ALARMS = "see alarms"
    ACKNOWLEDGE_ALARMS = "acknowledge alarms"
    SEE_DIRECTORY = "see the directory"
    CHANGE_DIRECTORY = "change the directory"
    SEE_PINS = "see PINs"
    CHANGE_LISTS = "change the lists that integrations refer to"
    SEE_AUDIT = "see the audit log"
    CHANGE_SETTINGS = "change the platform settings"
    MANAGE_ACCOUNTS = "manage accounts"


class Role(StrEnum):
    """A set of permissions with a name; the value is stored, and used by REST and the command line."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    INTEGRATION_ADMIN = "integration-admin"
    PLATFORM_ADMIN = "platform-admin"

    @property
    def label(self) -> str:
        """The name that people read."""
        return _LABELS[self]


_LABELS: Mapping[Role, str] = {
    Role.VIEWER: "Viewer",
    Role.OPERATOR: "Operator",
    Role.INTEGRATION_ADMIN: "Integration administrator",
    Role.PLATFORM_ADMIN: "Platform administrator",
}
_VIEWER = frozenset({Permission.SEE_INTEGRATIONS, Permission.SEE_ALARMS, Permission.SEE_DIRECTORY})
_INTEGRATION_ADMIN = frozenset(
    {
        Permission.SEE_INTEGRATIONS,
        Permission.CHANGE_INTEGRATIONS,
        Permission.RUN_CHECKS,
        Permission.CHANGE_CONFERENCES,
        Permission.SEE_ALARMS,
        Permission.ACKNOWLEDGE_ALARMS,
        Permission.SEE_AUDIT,
    }
)
GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _VIEWER
    | {
        Permission.RUN_CHECKS,
        Permission.CHANGE_CONFERENCES,
        Permission.ACKNOWLEDGE_ALARMS,
        Permission.CHANGE_DIRECTORY,
        Permission.SEE_AUDIT,
    },
    # The directory is the deployment's, so whoever administers single integrations does not reach it.
    Role.INTEGRATION_ADMIN: _INTEGRATION_ADMIN,
    Role.PLATFORM_ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an account in a browser (`kind` account), a program (api), or somebody on the machine (command).

    `id` is that of the account or API user; `integrations` are the ids that the caller reaches, or None for all.
    """

    kind: str
    id: int
    name: str
    role: Role
    integrations: frozenset[int] | None = None
    network: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether the role holds the permission."""
        return permission in GRANTS[self.role]

    def require(self, permission: Permission) -> None:
        """Raise Refused unless the role holds the permission."""
        if not self.may(permission):
            raise Refused(Reason.FORBIDDEN, f"You may not {permission.value}. Ask a platform administrator.")

    def reaches(self, integration_id: int | None) -> bool:
        """Whether the integration is one of the caller's. What belongs to none (None) is the whole deployment's."""
        return self.integrations is None or integration_id in self.integrations

    def require_reach(self, integration_id: int | None) -> None:
        """Raise Refused, in the words for an unknown integration, unless the caller reaches it."""
        if not self.reaches(integration_id):
            raise Refused(Reason.UNKNOWN, "There is no such integration.")


def scope_of(role: Role, integrations: list[int]) -> frozenset[int] | None:
    """Return the ids that an account or API user reaches: integration administrators theirs, all others every one."""
    return frozenset(integrations) if role is Role.INTEGRATION_ADMIN else None


ON_THIS_MACHINE = Caller("command", 0, "command line", Role.PLATFORM_ADMIN)
BY_ITSELF = Caller("system", 0, "addin-host", Role.PLATFORM_ADMIN)
