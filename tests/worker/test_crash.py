"""Nothing is lost and nothing is doubled, whenever a worker is killed."""

from __future__ import annotations

import pytest

from addin_host.store.db import Database
from tests.worker import crash, crash_points
from tests.worker.remote_exchange import ExchangeProcess

KILLS = 300


def short(tmp_path_factory):
    """A socket's name may have 107 characters at most."""
    return tmp_path_factory.mktemp("x")


@pytest.mark.timeout(900)
def test_workers_that_are_killed_at_random(cluster, tmp_path_factory):
    found = crash.on_both(KILLS, cluster, short(tmp_path_factory))
    assert found.kills >= KILLS
    assert found.meetings > KILLS // 2
    assert (found.lost, found.double) == ([], [])
    assert crash.p99(found.recovery) <= 10


@pytest.mark.timeout(600)
def test_a_worker_that_ends_at_every_commit_and_every_call(database: Database, box, tmp_path_factory):
    folder = short(tmp_path_factory)
    url = database.url.render_as_string(hide_password=False)
    with ExchangeProcess(folder) as exchange:
        points, problems = crash_points.walk(url, box, exchange.address, folder)
    assert problems == []
    assert points > 80
