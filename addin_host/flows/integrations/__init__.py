"""Creating, changing, exporting and deleting integrations.

Saving has two steps, so that templates are tried outside the transaction: `prepare` judges a submitted record,
`save` writes it, unless somebody else has saved meanwhile.
"""

from addin_host.flows.integrations.changes import Change, Meanwhile, changes_since
from addin_host.flows.integrations.drafts import ICON, Draft, Existing, existing, existing_of, moved_secrets, prepare
from addin_host.flows.integrations.reading import (
    Summary,
    export,
    find,
    look_up,
    open_alarms,
    overview,
    secret,
    to_value,
)
from addin_host.flows.integrations.saving import delete, duplicate, save, set_enabled, set_icon

__all__ = [
    "ICON",
    "Change",
    "Draft",
    "Existing",
    "Meanwhile",
    "Summary",
    "changes_since",
    "delete",
    "duplicate",
    "existing",
    "existing_of",
    "export",
    "find",
    "look_up",
    "moved_secrets",
    "open_alarms",
    "overview",
    "prepare",
    "save",
    "secret",
    "set_enabled",
    "set_icon",
    "to_value",
]
