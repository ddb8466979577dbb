"""Many panes at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import BrowserContext, expect

from . import edge
from .application import SINGLE
from .asking import Asking
from .conftest import World
from .exchange_metadata import Exchange
from .meetings import assert_assigned, exchange_token, on_premises
from .outlook_host import OutlookHost
from .pane import ADD_SINGLE_USE, SUCCESS, Pane
from .records import Records


def test_twenty_five_panes_at_once(context: BrowserContext, world: World, records: Records, exchange: Exchange) -> None:
    """Five panes in the browser, and twenty that are nothing but their requests; all press at the same moment."""
    panes = [Pane(OutlookHost(context.new_page(), world.origin(edge.OUTLOOK))) for _ in range(5)]
    for number, pane in enumerate(panes):
        token = exchange_token(world, SINGLE, f"frame{number}")
        pane.open_known(world.pane(SINGLE), **on_premises(world, SINGLE, identityToken=token))
    asking = Asking(world, SINGLE)
    tokens = [exchange_token(world, SINGLE, f"client{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as threads:
        ways = [asking.details, asking.details_in_a_session] * 10
        answers = [threads.submit(way, token) for way, token in zip(ways, tokens, strict=True)]
        for pane in panes:
            pane.button(ADD_SINGLE_USE).click()
        given = [answer.result() for answer in answers]
    for pane in panes:
        expect(pane.heading(SUCCESS)).to_be_visible()
    tags = {assert_assigned(pane.host, records, SINGLE) for pane in panes}
    for details in given:
        (tag,) = records.tags(details["instructions"])
        assert records.alias(tag).alias == details["alias"]
        tags.add(tag)
    assert len({records.alias(tag).numeric_alias for tag in tags}) == 25
