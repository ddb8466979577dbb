"""A meeting as the tests of single-use VMRs write it, who writes it, and what it has to hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from addin_host.domain.tag import Kind, Tag

from .application import ADDIN_APPLICATION, API_SCOPE, BOTH, VIDEO, WEB_API, mailbox
from .conftest import World
from .outlook_host import OutlookHost
from .records import Records

AGENDA = "<p>Agenda</p><p>1. Budget</p>"
BOB = {"name": "Bob Example", "address": "bob@example.test"}
CAROL = {"name": "Carol Example", "address": "carol@example.test"}
BEFORE = {"body": {"content": AGENDA}, "location": "Room 4", "required": [BOB], "optional": [CAROL]}
CLOUD, ON_PREMISES = {"userProfileType": "office365"}, {"userProfileType": "enterprise"}
BRIDGED = {"Mailbox": 1.15, "DialogApi": 1.2, "IdentityAPI": 1.3, "NestedAppAuth": 1.1}
MOST_CALLS = 10
_OFFICE_ON_THE_WEB = "93d53678-613d-4013-afc1-62e9e444a0a5"
_CONTENT = ("body", "location", "required", "optional", "customProperties")


def exchange_token(world: World, integration: int, uid: str = "alice") -> str:
    """Return what Exchange says about the mailbox `uid`."""
    return world.exchange.token(world.pane(integration), uid=uid)


def sso_token(world: World, claims: Mapping[str, Any] = {}, **spoilt: Any) -> str:
    """Return what Office gets for alice by single sign-on; `claims` and `spoilt` make it another token."""
    use = {"aud": ADDIN_APPLICATION, "azp": _OFFICE_ON_THE_WEB, "scp": API_SCOPE}
    return world.providers.access_token("alice", {**use, **claims}, **spoilt)


def naa_token(world: World) -> str:
    """Return what Outlook gets for alice over the bridge."""
    return world.providers.access_token("alice", {"aud": WEB_API, "azp": ADDIN_APPLICATION, "scp": API_SCOPE})


def on_premises(world: World, integration: int, **more: Any) -> dict[str, Any]:
    """A meeting with an agenda, a room and two people, written by somebody whom Exchange names."""
    token = exchange_token(world, integration)
    return {"appointment": {**BEFORE, "identityToken": token, **more}, "initialData": ON_PREMISES}


def in_the_cloud(world: World, **more: Any) -> dict[str, Any]:
    """The same in Exchange Online, where Office signs on."""
    return {"appointment": {**BEFORE, "accessToken": sso_token(world), **more}, "initialData": CLOUD}


def kept(state: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a meeting as it is opened again; `changes` were made meanwhile."""
    content = {name: state[name] for name in _CONTENT[1:]}
    return {**content, "body": {"content": state["body"]}, **changes}


def content(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person would miss, were it another: text, place, people and what the add-in remembers."""
    found = {name: state[name] for name in _CONTENT}
    return {**found, **{field: [person["address"] for person in state[field]] for field in ("required", "optional")}}


def only_tag(host: OutlookHost, records: Records) -> Tag:
    """Return the one tag in the body, which verifies with the keys of the database."""
    (tag,) = records.tags(host.body)
    return tag


def remembered(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the properties say about the VMR that is there."""
    newest: dict[str, Any] = json.loads(state["customProperties"]["addinHost"])[0]
    return newest


def assert_assigned(host: OutlookHost, records: Records, integration: int) -> Tag:
    """See to it that the meeting holds one single-use VMR of the integration, and all that stood there before."""
    state, tag = host.state(), only_tag(host, records)
    alias = records.alias(tag)
    assert (tag.kind, tag.integration_id, alias.integration_id) == (Kind.ALIAS, integration, integration)
    assert alias.alias in state["bodyText"]
    assert alias.alias.endswith(f"@{VIDEO}")
    assert state["body"].endswith(AGENDA)
    found, mark = content(state), remembered(state)
    assert found["location"] == (f"Room 4; {alias.alias}" if integration == BOTH else "Room 4")
    assert found["required"] == [BOB["address"], mailbox(integration)]
    assert found["optional"] == [CAROL["address"]]
    assert (mark["kind"], mark["mailbox"]) == ("single-use", mailbox(integration))
    assert records.tags(mark["tag"], is_html=False) == (tag,)
    assert host.unknown_calls() == []
    return tag
