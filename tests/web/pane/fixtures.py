"""The pane on its stage, for every file of tests that plays it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.web.pane.stage import ORIGIN, Stage


@pytest.fixture
def stage(plain_chromium: Browser) -> Iterator[Stage]:
    """A stage as wide as the pane of Outlook."""
    context = plain_chromium.new_context(viewport={"width": 320, "height": 600})
    yield Stage(context.new_page())
    context.close()


@pytest.fixture(scope="module")
def modules(plain_chromium: Browser) -> Iterator[Page]:
    """A page from which modules can be imported."""
    context = plain_chromium.new_context()
    made = Stage(context.new_page())
    made.pages["/blank"] = "<!doctype html>"
    made.page.goto(f"{ORIGIN}/blank")
    yield made.page
    context.close()
