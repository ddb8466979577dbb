"""One local Graph for a module, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateways.graph.server import GraphServer
from tests.gateways.graph.world import GraphWorld


@pytest.fixture(scope="module")
def peer() -> Iterator[GraphServer]:
    with GraphServer() as server:
        yield server


@pytest.fixture
def server(peer: GraphServer) -> Iterator[GraphServer]:
    """Graph; a request that its metadata does not allow fails the test."""
    peer.reset()
    yield peer
    assert peer.violations == []


@pytest.fixture
def world(server: GraphServer) -> GraphWorld:
    return GraphWorld(server)
