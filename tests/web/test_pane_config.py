"""What the pane and the commands page are told about ways in, and whom they may talk to for that."""

import json
import re

import pytest
from lxml import etree

from addin_host.web.assets import Assets
from addin_host.web.services import MSAL
from tests.web.conftest import save
from tests.web.test_addin_pages import directives, get

ADDIN, API = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
NAA = {
    "addin_authentication_method": "NAA_TOKEN",
    "addin_application_id": ADDIN,
    "addin_naa_web_api_application_id": API,
    "addin_authority_url": "https://login.microsoftonline.com/tenant",
    "addin_oidc_metadata_url": "https://keys.example.com:8443/v2.0/.well-known/openid-configuration",
}


def config(world, number=1, page="pane"):
    return json.loads(etree.HTML(get(world, page, number).text).get("data-config"))


@pytest.mark.parametrize("page", ["pane", "commands"])
def test_both_pages_are_told_the_same(world, page):
    number = save(
        world, name="NAA", **NAA, accepted_identity_kinds=["EXCHANGE_USER_ID_TOKEN"], domains=["a.example.com"]
    )
    told = config(world, number, page)
    assert told["kinds"] == ["NAA_TOKEN", "EXCHANGE_USER_ID_TOKEN"]
    assert told["dialog"] is True
    assert told["naa"]["clientId"] == ADDIN
    assert told["naa"]["authority"] == NAA["addin_authority_url"]
    assert told["naa"]["scope"] == f"api://{API}/access"
    assert told == config(world, number, "pane")


def test_a_kind_whose_tokens_nobody_could_verify_is_not_asked_for(world):
    assert config(world, save(world, name="No keys", domains=None))["kinds"] == []
    assert config(world, save(world, name="Keys", domains=["mail.example.com"]))["kinds"] == ["EXCHANGE_USER_ID_TOKEN"]


def test_without_naa_the_pane_talks_to_us_alone(world):
    number = save(world, name="SSO", **NAA | {"addin_authentication_method": "SSO_TOKEN"})
    assert config(world, number)["naa"] is None
    assert directives(get(world, "pane", number))["connect-src"] == ["'self'"]


def test_with_naa_the_authority_may_be_asked_and_nobody_else(world):
    number = save(world, name="NAA", **NAA, connect_hosts="https://files.example.com")
    wanted = [
        "'self'",
        "https://login.microsoftonline.com",
        "https://keys.example.com:8443",
        "https://files.example.com",
    ]
    for page in ("pane", "commands"):
        policy = directives(get(world, page, number))
        assert policy["connect-src"] == wanted
        assert policy["script-src"] == directives(get(world, page))["script-src"]


def test_the_room_mailbox_is_not_told_to_everybody(world):
    number = save(
        world, name="Quiet", room_mailbox_email_address="unlisted.room@example.com", room_mailbox_name="Unlisted"
    )
    assert not re.search(
        "unlisted", get(world, "pane", number).text + get(world, "commands", number).text, re.IGNORECASE
    )


def test_the_library_is_named_only_when_it_is_installed(world, tmp_path):
    here = Assets(tmp_path)
    assert not here.has(MSAL)
    (tmp_path / MSAL).parent.mkdir()
    (tmp_path / MSAL).write_text("")
    assert not here.has(MSAL)  # the version of all addresses is that of the start
    assert Assets(tmp_path).has(MSAL)
    assert Assets(tmp_path).version != here.version


def test_the_library_stands_where_the_pane_is_told(world):
    url = config(world, save(world, name="NAA", **NAA))["naa"]["library"]
    assert url == world.services.assets.url(MSAL), "The library is missing: make vendor"
    answer = world.client().get(f"https://vmr.example.com{url}")
    assert answer.status_code == 200
    assert b"@azure/msal-browser" in answer.data[:200]
    assert answer.headers["Content-Type"].startswith("text/javascript")
