"""The integrations that the current caller reaches: what lies outside is answered exactly like what does not exist."""

from __future__ import annotations

from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.flows import integrations
from addin_host.store.models import IntegrationRow
from addin_host.web.access import caller
from addin_host.web.services import services


def integration_row(session: Session, reference: str | int) -> IntegrationRow:
    """Return the row of an integration by id or uuid. Raises Refused, the same way whether unknown or out of reach."""
    row = integrations.look_up(session, reference)
    if row is None or not caller().reaches(row.id):
        raise Refused(Reason.UNKNOWN, "There is no such integration.")
    return row


def integration_value(reference: str | int) -> Integration:
    """Return an integration as the pane knows it. Raises Refused as `integration_row` does."""
    value = services().catalogue.get(str(reference))
    caller().require_reach(value.id)
    return value
