"""Every resource of the REST interface with the flows behind it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from addin_host.domain.rest.catalogue import RESOURCES
from addin_host.flows import rest_connectors, rest_directory, rest_domains, rest_lists, rest_scheduling, rest_status
from addin_host.flows.rest_served import Served

_ALL = (
    rest_connectors.SERVED,
    rest_domains.SERVED,
    *rest_directory.SERVED,
    *rest_lists.SERVED,
    *rest_scheduling.SERVED,
    *rest_status.SERVED,
)
SERVED: Mapping[str, Served] = MappingProxyType({served.resource.name: served for served in _ALL})
assert SERVED.keys() == {resource.name for resource in RESOURCES}  # noqa: S101 - a resource without flows cannot start
