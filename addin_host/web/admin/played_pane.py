"""The real pane page inside the live preview, with what static/preview/states.js plays the server from."""

from __future__ import annotations

from typing import Any

from addin_host.domain import preview_states as states
from addin_host.domain.identity_kinds import IdentityKind
from addin_host.flows import preview
from addin_host.flows.preview import Draft, Filling
from addin_host.web.office import office_context
from addin_host.web.services import services

# The pane of a preview signs in nowhere; it only compares this with what its played dialog tells.
_PLAYED_ORIGIN = "https://preview.example"


def played_pane(draft: Draft, asked: str, filling: Filling) -> dict[str, Any]:
    """Return what addin/pane.html prints for a draft; a state that it does not lead to is the first one."""
    assets, context = services().assets, office_context(draft.integration)
    state = asked if states.leads_to(draft.integration, asked) else states.START
    config = context["config"] | {
        "base": f"/admin/preview/{draft.token}",
        "origin": _PLAYED_ORIGIN,
        "enabled": bool(draft.record["enabled"]) and state != "off",
        "preview": {"state": state, **_played(draft, state, filling)},
    }
    return context | {
        "config": config | _way_in(state),
        "scripts": [assets.url("preview/office.js")],
        "office_js_url": assets.url("preview/states.js"),
        "styles": (),
    }


def _played(draft: Draft, state: str, filling: Filling) -> dict[str, Any]:
    rendering, shows = services().rendering, draft.record
    count = states.STATES[state].vmrs if shows["enable_personal_vmrs"] else 0
    meeting = preview.rendered_meeting(draft, filling, rendering=rendering) if shows["enable_dynamic_vmrs"] else {}
    return {
        "vmrs": preview.rendered_vmrs(draft, count, filling, rendering=rendering),
        "meeting": meeting,
        "user": {"name": "Alice Jones", "email": "alice@example.com"},
    }


def _way_in(state: str) -> dict[str, Any]:
    """Return what the pane takes for its ways in: the played Outlook gives tokens of one kind, and knows the dialog."""
    if states.STATES[state].without_dialog:
        return {}
    return {"kinds": [IdentityKind.EXCHANGE.value], "dialog": True, "naa": None}
