"""Many panes at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3
from playwright.sync_api import BrowserContext, expect

from . import edge
from .application import SINGLE
from .conftest import World
from .exchange_metadata import Exchange
from .meetings import assert_assigned, exchange_token, on_premises
from .outlook_host import OutlookHost
from .pane import ADD_SINGLE_USE, SUCCESS, Pane
from .records import Records


class Asking:
    """What a pane asks of the product, over nginx, without a browser."""

    def __init__(self, world: World) -> None:
        self._host = f"{edge.ADDIN}:{world.port}"
        self._pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            world.port,
            maxsize=25,
            ca_certs=str(world.certificate.authority),
            server_hostname=edge.ADDIN,
            assert_hostname=edge.ADDIN,
            timeout=30.0,
            retries=False,
        )

    def details(self, token: str, *, older: bool) -> dict[str, Any]:
        """Get a VMR: after beginning a session with an identity token, or as older clients do, by the token itself."""
        return self._ask("GET", "meeting_details", {"token": token} if older else self._bearer(token))["result"]

    def _bearer(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._ask('POST', 'session', {}, json={'token': token})['bearer']}"}

    def _ask(self, method: str, what: str, headers: dict[str, str], **more: Any) -> Any:
        path = f"/api/client/v2/msexchange_schedulers/{SINGLE}/{what}"
        answer = self._pool.request(method, path, headers={"Host": self._host, **headers}, **more)
        assert answer.status == 200, answer.data
        return answer.json()


def test_twenty_five_panes_at_once(context: BrowserContext, world: World, records: Records, exchange: Exchange) -> None:
    """Five panes in the browser, and twenty that are nothing but their requests; all press at the same moment."""
    panes = [Pane(OutlookHost(context.new_page(), world.origin(edge.OUTLOOK))) for _ in range(5)]
    for number, pane in enumerate(panes):
        token = exchange_token(world, SINGLE, f"frame{number}")
        pane.open_known(world.pane(SINGLE), **on_premises(world, SINGLE, identityToken=token))
    asking = Asking(world)
    tokens = [exchange_token(world, SINGLE, f"client{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(asking.details, token, older=number % 4 == 0) for number, token in enumerate(tokens)]
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
