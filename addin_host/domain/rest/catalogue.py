"""All resources of the REST interface."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from addin_host.domain.rest.connector import CONNECTOR, EXCHANGE_DOMAIN
from addin_host.domain.rest.directory import CONFERENCE, CONFERENCE_ALIAS, END_USER, IDENTITY_PROVIDER_GROUP, IVR_THEME
from addin_host.domain.rest.resource import Resource
from addin_host.domain.rest.scheduling import RECURRING_CONFERENCE, SCHEDULED_ALIAS, SCHEDULED_CONFERENCE
from addin_host.domain.rest.status import ALARM, EXCHANGE_SCHEDULER, SCHEDULING_OPERATION

RESOURCES: tuple[Resource, ...] = (
    CONNECTOR,
    EXCHANGE_DOMAIN,
    CONFERENCE,
    CONFERENCE_ALIAS,
    END_USER,
    IVR_THEME,
    IDENTITY_PROVIDER_GROUP,
    SCHEDULED_ALIAS,
    SCHEDULED_CONFERENCE,
    RECURRING_CONFERENCE,
    ALARM,
    EXCHANGE_SCHEDULER,
    SCHEDULING_OPERATION,
)
BY_RESOURCE: Mapping[str, Resource] = MappingProxyType({resource.name: resource for resource in RESOURCES})
