"""What the probes of one run share: the way out, and the times that other servers sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Installation
from addin_host.gateways.http import Answer, Outbound, Route, route_for

PAGE_BYTES = 1024 * 1024


@dataclass(slots=True)
class Sight:
    """One integration as its probes see it.

    `skews` holds, by host, how far its clock is ahead of ours; `own_fault` says that no connection to the own public
    address can be made, which the checks behind it need not repeat.
    """

    integration: Integration
    outbound: Outbound
    route: Route
    installation: Installation
    now: Callable[[], datetime]
    skews: dict[str, timedelta] = field(default_factory=dict)
    own_fault: bool = False

    def get(self, url: str, *, accept: str = "application/json", max_bytes: int = PAGE_BYTES) -> Answer:
        """Fetch a document as `Outbound.get` does, and note the time that the other server sent."""
        answer = self.outbound.get(url, self.route, accept=accept, max_bytes=max_bytes)
        self.note(url, answer.headers.get("date", ""))
        return answer

    def ask(self, method: str, url: str, *, accept: str, form: Mapping[str, str] | None = None) -> Answer:
        """Send a request to an address that is not made for it. Unlike with `get`, every status is an answer."""
        with self.outbound.session(self.route, max_bytes=PAGE_BYTES) as session:
            response = session.request(method, url, data=form, headers={"Accept": accept})
        self.note(url, response.headers.get("Date", ""))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content)

    def note(self, url: str, date: str) -> None:
        """Remember a Date header. Our own host does not count: it is likely this machine."""
        host = (urlsplit(url).hostname or "").lower()
        try:
            sent = parsedate_to_datetime(date)
        except (ValueError, TypeError):
            return
        if host and host != self.integration.fqdn:
            self.skews[host] = (sent if sent.tzinfo else sent.replace(tzinfo=UTC)) - self.now()


def sight_of(
    integration: Integration,
    outbound: Outbound,
    *,
    web_proxy: str,
    policy: AddressPolicy,
    installation: Installation,
    now: Callable[[], datetime],
) -> Sight:
    """Return what a run's probes need. A proxy may also be asked for the own FQDN."""
    route = route_for(integration, web_proxy=web_proxy, policy=policy)
    own = frozenset({(urlsplit(integration.origin).hostname or "").lower()})
    return Sight(integration, outbound, replace(route, hosts=route.hosts | own), installation, now)
