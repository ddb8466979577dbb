"""The states of the pane that the live preview can show, and where the text of each field can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from addin_host.domain.identity_kinds import has_dialog
from addin_host.domain.integration import Integration

_SINGLE_USE, _PERSONAL = ("enable_dynamic_vmrs",), ("enable_personal_vmrs",)
_GROUPS: Mapping[tuple[str, ...], str] = {
    (): "The pane",
    _SINGLE_USE: "Single-use VMR",
    _PERSONAL: "Personal VMR",
    (*_SINGLE_USE, *_PERSONAL): "Both kinds",
}


@dataclass(frozen=True, slots=True)
class PaneState:
    """One thing that the pane can show.

    `needs` names the switches that lead to it, and `without_dialog` says that a sign-in dialog keeps it away; `vmrs` is
    how many personal ones the person has.
    """

    label: str
    needs: tuple[str, ...] = _PERSONAL
    vmrs: int = 2
    without_dialog: bool = False

    @property
    def group(self) -> str:
        """What it is listed under."""
        return _GROUPS[self.needs]


START = "start"
STATES: Mapping[str, PaneState] = {
    START: PaneState("As it opens", ()),
    "outside": PaneState("Outside of a meeting", ()),
    "off": PaneState("The add-in is switched off", ()),
    "single-use": PaneState("Success", _SINGLE_USE),
    "single-use-already": PaneState("There is a VMR already", _SINGLE_USE),
    "placeholder": PaneState("The server is away", _SINGLE_USE),
    "waiting": PaneState("Opened again after that", _SINGLE_USE),
    "single-use-error": PaneState("Error: adding the VMR", _SINGLE_USE),
    "quota": PaneState("Too many in a short time", _SINGLE_USE),
    "no-way-in": PaneState("Nobody says who is asking", _SINGLE_USE, without_dialog=True),
    "remnant": PaneState("Only the tag is left of the text", _SINGLE_USE),
    "signing-in": PaneState("Signing in"),
    "signed-in": PaneState("Signed in, nothing added"),
    "ended": PaneState("The session has ended"),
    "one": PaneState("One VMR", vmrs=1),
    "list": PaneState("Some VMRs", vmrs=3),
    "many": PaneState("More than seven VMRs", vmrs=9),
    "none": PaneState("No VMR", vmrs=0),
    "error-signing-in": PaneState("Error: signing in"),
    "error-getting": PaneState("Error: getting the VMRs"),
    "error-inserting": PaneState("Error: adding the VMR"),
    "success": PaneState("Success"),
    "already": PaneState("There is a VMR already"),
    "edited": PaneState("The inserted text was edited"),
    "which": PaneState("Replacing: which kind", (*_SINGLE_USE, *_PERSONAL)),
}
# Where the text of a field can be seen: in the first of these that the switches lead to.
STATES_OF: Mapping[str, tuple[str, ...]] = {
    "addin_pane_title": (START,),
    "addin_pane_description": (START,),
    "addin_pane_button_title": (START,),
    "addin_pane_management_node_down_heading": ("placeholder",),
    "addin_pane_management_node_down_message": ("placeholder",),
    "addin_pane_general_error_message": ("single-use-error",),
    "addin_pane_personal_vmr_sign_in_button": (START,),
    "addin_pane_personal_vmr_add_button": ("signed-in",),
    "addin_pane_personal_vmr_select_message": ("list",),
    "addin_pane_personal_vmr_none_message": ("none",),
    "addin_pane_personal_vmr_error_signing_in_message": ("error-signing-in",),
    "addin_pane_personal_vmr_error_getting_message": ("error-getting",),
    "addin_pane_personal_vmr_error_inserting_meeting_message": ("error-inserting",),
    "addin_pane_general_error_heading": ("error-inserting", "single-use-error"),
    "addin_pane_success_heading": ("success", "single-use"),
    "addin_pane_success_message": ("success", "single-use"),
    "addin_pane_already_video_meeting_heading": ("already", "single-use-already"),
    "addin_pane_already_video_meeting_message": ("already", "single-use-already"),
    "addin_group_label": (START,),
    "addin_button_label": (START,),
    "addin_supertip_title": (START,),
    "addin_supertip_description": (START,),
    "addin_display_name": (START,),
    "enable_add_command": (START,),
    "room_mailbox_name": ("single-use",),
    "room_mailbox_email_address": ("single-use",),
    "enabled": ("off",),
}


def leads_to(integration: Integration, state: str) -> bool:
    """Whether the pane of an integration, or of the draft of one, can come into a state."""
    wanted = STATES[state]
    if wanted.needs and not (integration["enabled"] and all(integration[name] for name in wanted.needs)):
        return False
    return not (wanted.without_dialog and has_dialog(integration))


def by_group(states: Mapping[str, PaneState]) -> dict[str, dict[str, PaneState]]:
    """Return states under what they are listed under, both in the order of the table."""
    found: dict[str, dict[str, PaneState]] = {}
    for key, state in states.items():
        found.setdefault(state.group, {})[key] = state
    return found
