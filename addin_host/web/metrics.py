"""Figures for Prometheus: requests of all workers of this machine, and the state of the deployment.

Nobody is named in them: labels are page kinds, statuses and numbers of integrations.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import accumulate
from time import perf_counter

from flask import Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from addin_host.flows.metrics import State, state
from addin_host.flows.scheduling.figures import scheduling_figures
from addin_host.store import revision
from addin_host.web import scheduling_metrics
from addin_host.web.headers import kind_of_request, kinds
from addin_host.web.request_counts import BUCKETS, KindFigures, RequestCounts
from addin_host.web.services import services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STARTED = "addin_host.started"
_COUNTS = "addin_host_request_counts"


def install(app: Flask) -> RequestCounts:
    """Count every request that reaches Flask; return what others may count with."""
    counts = RequestCounts(kinds())
    app.extensions[_COUNTS] = counts

    @app.after_request
    def count(response: Response) -> Response:
        started = request.environ.get(STARTED)
        if started is not None:
            counts.add(kind_of_request(), str(response.status_code), perf_counter() - started)
        return response

    return counts


def figures() -> bytes:
    """Return all figures in the text form of Prometheus."""
    host = services()
    counts: RequestCounts = current_app.extensions[_COUNTS]
    with host.database.read() as session:
        now = state(session, now=host.now())
        meetings = scheduling_figures(session, now=host.now())
    scheduling = scheduling_metrics.families(meetings)
    families = [
        *_requests(counts.figures()),
        *_state(now),
        *scheduling,
        _build(revision.current(host.database) or "none"),
    ]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families

    def describe(self) -> Iterable[Metric]:
        return ()


def _requests(found: Iterable[KindFigures]) -> Iterator[Metric]:
    number = CounterMetricFamily("addin_host_requests", "Answered requests.", labels=["kind", "status"])
    seconds = HistogramMetricFamily("addin_host_request_seconds", "Seconds until the answer began.", labels=["kind"])
    for one in found:
        for status, count in one.by_status.items():
            number.add_metric([one.kind, status], count)
        bounds = (*map(str, BUCKETS), "+Inf")
        if one.by_status:
            summed = list(zip(bounds, accumulate(one.by_bucket), strict=True))
            seconds.add_metric([one.kind], summed, one.seconds)
    yield from (number, seconds)


def _state(now: State) -> Iterator[Metric]:
    alarms = GaugeMetricFamily("addin_host_open_alarms", "Alarms that stand.", labels=["level", "acknowledged"])
    for (level, acknowledged), number in now.alarms.items():
        alarms.add_metric([level, str(acknowledged).lower()], number)
    integrations = GaugeMetricFamily("addin_host_integrations", "Integrations.", labels=["enabled"])
    for on, number in now.integrations.items():
        integrations.add_metric([str(on).lower()], number)
    today = GaugeMetricFamily(
        "addin_host_usage_today", "What happened since midnight (UTC).", labels=["integration", "kind"]
    )
    for (integration, kind), number in now.today.items():
        today.add_metric([str(integration), kind], number)
    yield from (alarms, integrations, today)


def _build(found: str) -> Metric:
    labels = {
        "version": version("addin-host"),
        "python": platform.python_version(),
        "schema": found,
        "schema_needed": revision.NEEDED,
    }
    family = GaugeMetricFamily("addin_host_build_info", "What is running.", labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family
