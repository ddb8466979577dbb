"""What the pane inserts while no alias can be had: a text that promises the instructions, and a tag that redeems them.

It is made in advance, for a pane that is open when the service goes away (design/scheduling.md section 4). The uuid of
its tag becomes that of the alias.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from addin_host.domain.integration import Integration
from addin_host.domain.tag import Kind, Tag, print_tag
from addin_host.domain.text import html_to_text, sanitise_html
from addin_host.flows.tag_keys import TagKeys

LIFETIME = timedelta(hours=24)


def placeholder(integration: Integration, *, keys: TagKeys, now: datetime) -> Mapping[str, Any] | None:
    """Return the text with a tag of its own, and the mailbox to invite; None where single-use VMRs are off.

    Needs no database once the keys are in memory; until then raises Upstream when it does not answer.
    """
    if not (integration["enabled"] and integration["enable_dynamic_vmrs"]):
        return None
    tag = Tag(Kind.PLACEHOLDER, keys.signing(), integration.id, uuids.uuid4(), now)
    tok = print_tag(tag, keys.all())
    html = f"{sanitise_html(str(integration['placeholder_instructions_template']))}\n<div>{tok}</div>"
    return {
        "instructions": html,
        "instructions_text": html_to_text(html),
        "tok": tok,
        "expires": (now + LIFETIME).isoformat(timespec="seconds"),
        "room_name": integration["room_mailbox_name"],
        "room_email": integration["room_mailbox_email_address"] or "",
    }
