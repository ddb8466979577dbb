"""The screens of single-use VMRs for everybody: both themes, a narrow pane, the focus, nothing against the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from . import edge
from .application import BOTH, NAA
from .conftest import World
from .exchange_metadata import Exchange
from .meetings import BEFORE, BRIDGED, CLOUD, kept, naa_token, on_premises
from .nested_app import NestedApp
from .outlook_host import Dispatch, OutlookHost
from .pane import ADD_SINGLE_USE, ALREADY, DOWN, ERROR, SUCCESS, Pane
from .providers import Providers
from .test_looks import WATCH_POLICY, grave_faults

READING_ONLY = {"sharedProperties": {"owner": "bob@example.test", "delegatePermissions": 1}}


@pytest.fixture(params=["light", "dark"])
def themed(
    request: pytest.FixtureRequest, chromium: Browser, world: World, idp: Providers, exchange: Exchange
) -> Iterator[Pane]:
    context = chromium.new_context(color_scheme=request.param, viewport={"width": 900, "height": 700})
    context.set_default_timeout(10_000)
    yield Pane(OutlookHost(context.new_page(), world.origin(edge.OUTLOOK)))
    context.close()


def open_narrow(pane: Pane, world: World, **more: Any) -> None:
    pane.open_known(world.pane(BOTH), width=320, **on_premises(world, BOTH, **more))


def assert_good(pane: Pane) -> None:
    """Nothing that axe-core calls serious, and nothing beyond 320 pixels."""
    assert grave_faults(pane.host.frame) == []
    widths = pane.host.frame.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths == [320, 320]


def test_the_screens_of_a_press_that_goes_well(themed: Pane, world: World) -> None:
    open_narrow(themed, world)
    assert_good(themed)
    themed.add_single_use()
    expect(themed.heading(SUCCESS)).to_be_focused()
    assert_good(themed)
    state = themed.host.state()
    themed.button("Replace").click()
    expect(themed.host.pane.get_by_text("Which VMR should this meeting have instead?")).to_be_visible()
    assert_good(themed)
    themed.button("Back").click()
    expect(themed.heading(ALREADY)).to_be_focused()
    assert_good(themed)
    themed.remove()
    assert_good(themed)
    open_narrow(themed, world, itemId="AAMkSent=", seriesId="AAMkSeries=", **kept(state))
    expect(themed.host.pane.get_by_text("This VMR belongs to the whole series.")).to_be_visible()
    assert_good(themed)


def test_the_screens_of_a_press_that_does_not(themed: Pane, world: World) -> None:
    open_narrow(themed, world)
    themed.host.fail(Dispatch.BODY_PREPEND, 9002, times=1)
    themed.add_single_use(then=ERROR)
    expect(themed.heading(ERROR)).to_be_focused()
    themed.details()
    assert_good(themed)
    with world.down():
        themed.add_single_use(press="Try again", then=DOWN)
    expect(themed.heading(DOWN)).to_be_focused()
    assert_good(themed)
    open_narrow(themed, world, **READING_ONLY)
    expect(themed.host.pane.get_by_text("You may read this calendar but not change it")).to_be_visible()
    assert_good(themed)


def test_nothing_of_nested_authentication_runs_against_the_policy(
    host: OutlookHost, world: World, context: BrowserContext, idp: Providers
) -> None:
    context.add_init_script(WATCH_POLICY)
    NestedApp(world.origin(edge.ADDIN), lambda: naa_token(world)).join(context)
    pane = Pane(host)
    options = {"appointment": BEFORE, "initialData": CLOUD, "requirements": BRIDGED, "telemetry": False}
    pane.open_known(world.pane(NAA), **options)
    pane.button(ADD_SINGLE_USE).click()
    expect(pane.heading(SUCCESS)).to_be_visible()
    assert host.frame.evaluate("window.violations") == []
