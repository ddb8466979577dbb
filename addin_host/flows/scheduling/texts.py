"""The texts of a meeting: what its room is called and described as, and what its organizer is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.binding import Alias
from addin_host.domain.calendar import Meeting
from addin_host.domain.fields import BY_NAME, STATIC_HTML_KINDS
from addin_host.domain.integration import Integration
from addin_host.domain.text import RenderProblem, sanitise_html
from addin_host.domain.zones import local_text
from addin_host.flows import written_texts
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.scheduling import health

_NOTHING = "<div>This meeting was processed.</div>"


class Texts:
    """Renders one integration's templates. One that fails gives its default, and is reported by `report`."""

    def __init__(self, catalogue: Catalogue, integration: Integration) -> None:
        self._integration = integration
        self._static: dict[str, str] = catalogue.made(integration, "static replies", dict)
        self._well: set[str] = catalogue.made(integration, "templates that work", set)
        self._works: set[str] = set()
        self._failed: dict[str, str] = {}

    def rendered(self, name: str, values: Mapping[str, Any], *, otherwise: str = "") -> str:
        """Return what a template gives; `otherwise` when its default fails as well."""
        template = written_texts.compiled(name, str(self._integration[name] or ""))
        try:
            text = template.render(values)
        except RenderProblem as problem:
            self._failed[name] = str(problem)
            return written_texts.rendered(name, template, values, otherwise=otherwise)
        self._works.add(name)
        return text

    def reply(self, name: str, values: Mapping[str, Any]) -> str:
        """Return an answer as sanitised HTML."""
        if BY_NAME[name].kind not in STATIC_HTML_KINDS:
            return self.rendered(name, values, otherwise=_NOTHING)
        if name not in self._static:
            self._static[name] = sanitise_html(str(self._integration[name] or BY_NAME[name].default))
        return self._static[name]

    def report(self, session: Session, now: Any) -> None:
        """Raise alarms about templates that failed, and end those about templates that work again."""
        for name, message in self._failed.items():
            health.template_failed(session, self._integration, name, message, now)
        self._well.difference_update(self._failed)
        for name in self._works - self._failed.keys() - self._well:
            health.template_works(session, self._integration, name, now)
            self._well.add(name)


def words_of(meeting: Meeting, alias: Alias | None) -> dict[str, Any]:
    """Return the values that every template of a meeting may print."""
    organizer = meeting.organizer
    return {
        "subject": meeting.subject,
        "organizer_name": organizer.name or organizer.address,
        "organizer_email": organizer.address,
        "alias": alias.alias if alias else "",
        "numeric_alias": alias.numeric if alias else "",
    }


def times_of(meeting: Meeting, occurrence: tuple[Any, Any] | None, integration: Integration) -> dict[str, Any]:
    """Return the values that only answers may print: times in the meeting's zone, without buffers."""
    start, end = occurrence or (meeting.start, meeting.end)
    zone = meeting.series.zone if meeting.series is not None and not meeting.zone.name else meeting.zone
    fallback = str(integration["time_zone"] or "UTC")
    return {
        "start_time": local_text(start, zone, fallback),
        "end_time": local_text(end, zone, fallback),
        "addin_server_domain": integration["addin_server_domain"],
    }
