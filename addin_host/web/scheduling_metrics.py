"""The figures of scheduling in the form of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from addin_host.flows.scheduling.figures import SchedulingFigures

_BY_QUEUE = ("integration", "queue")


def families(found: SchedulingFigures) -> Iterator[Metric]:
    """Yield what is due, how old the oldest of it is, what was given up, and how each mailbox is."""
    for name, words, values in (
        ("addin_host_scheduling_waiting", "Items that are due.", found.waiting),
        ("addin_host_scheduling_oldest_seconds", "For how long the oldest of them is due.", found.oldest),
        ("addin_host_scheduling_dead", "Items that were given up.", found.dead),
    ):
        family = GaugeMetricFamily(name, words, labels=_BY_QUEUE)
        for (queue, integration), value in values.items():
            family.add_metric([str(integration), queue], value)
        yield family
    yield from _mailboxes(found)


def _mailboxes(found: SchedulingFigures) -> Iterator[Metric]:
    faults = GaugeMetricFamily(
        "addin_host_mailbox_fault", "Whether the mailbox is in trouble, and in which.", labels=["integration", "fault"]
    )
    for integration, fault in found.faults.items():
        faults.add_metric([str(integration), fault or "none"], 1 if fault else 0)
    processed = GaugeMetricFamily(
        "addin_host_mailbox_processed_timestamp_seconds", "When an item was last dealt with.", labels=["integration"]
    )
    for integration, instant in found.processed_at.items():
        processed.add_metric([str(integration)], instant.timestamp())
    yield from (faults, processed)
