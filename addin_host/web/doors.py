"""The doors without a cookie session, one blueprint each; administrators come through web/admin."""

from __future__ import annotations

from addin_host.web import addin, health, pane_session, policy, proof, rest, signin, single_use

DOORS = tuple(door.blueprint for door in (addin, pane_session, single_use, signin, health, proof, rest, policy))
