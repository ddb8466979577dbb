"""Time zones as EWS spells them: a Windows name, with periods and transitions where the zone is not a known one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from addin_host.domain.calendar import Transition, Zone, ZoneRules
from addin_host.gateways.ews.wire import Element, each, find, instant, local, text

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")


def zone_from(definition: Element | None, at: datetime) -> Zone:
    """Return a zone, with the rules that hold at an instant. What cannot be understood of the rules is left out."""
    if definition is None:
        return Zone()
    name = definition.get("Id") or ""
    try:
        return Zone(name, _rules(definition, at))
    except (ValueError, LookupError):
        return Zone(name)


def _rules(definition: Element, at: datetime) -> ZoneRules | None:
    periods = {period.get("Id", ""): period for period in each(definition, "t:Periods/t:Period")}
    if not periods:
        return None
    changes = _group(definition, at)
    if len(changes) < 2:
        only = periods[text(changes[0], "t:To")] if changes else next(iter(periods.values()))
        return ZoneRules(_offset(only))
    to_standard, to_daylight = sorted(changes, key=lambda change: _rank(periods, change))[:2]
    return ZoneRules(
        standard_offset=_offset(periods[text(to_standard, "t:To")]),
        daylight_offset=_offset(periods[text(to_daylight, "t:To")]),
        to_standard=_transition(to_standard),
        to_daylight=_transition(to_daylight),
    )


def _group(definition: Element, at: datetime) -> Sequence[Element]:
    """Return the changes of the group that holds at an instant; without groups, none."""
    groups = {group.get("Id", ""): group for group in each(definition, "t:TransitionsGroups/t:TransitionsGroup")}
    transitions = find(definition, "t:Transitions")
    current = ""
    for transition in () if transitions is None else transitions:
        since = instant(text(transition, "t:DateTime"))
        if since is None or since <= at:
            current = text(transition, "t:To")
    return list(groups[current]) if current in groups else []


def _rank(periods: Mapping[str, Element], change: Element) -> tuple[bool, int]:
    """Order standard time before daylight time: by what the period is called, else by the offset."""
    period = periods[text(change, "t:To")]
    called = f"{period.get('Name', '')} {period.get('Id', '')}".lower()
    return "daylight" in called or "-dst" in called, _offset(period)


def _offset(period: Element) -> int:
    return -int(_duration(period.get("Bias", "")).total_seconds())


def _duration(written: str) -> timedelta:
    match = _DURATION.fullmatch(written)
    if match is None:
        raise ValueError(written)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if match[1] else length


def _transition(change: Element) -> Transition:
    month, at = int(text(change, "t:Month")), _wall(text(change, "t:TimeOffset"))
    if local(change) == "RecurringDateTransition":
        return Transition(month, at, day=int(text(change, "t:Day")))
    nth = int(text(change, "t:Occurrence"))
    return Transition(month, at, weekday=WEEKDAYS.index(text(change, "t:DayOfWeek")), nth=5 if nth == -1 else nth)


def _wall(written: str) -> time:
    since_midnight = _duration(written)
    last = timedelta(hours=23, minutes=59, seconds=59)
    return (datetime.min + min(max(since_midnight, timedelta()), last)).time()
