"""The dialog and the pane's session, attacked as in security.md section 4, tables C and I."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from addin_host.domain.errors import Misconfigured, Reason, Refused, Upstream
from addin_host.flows.pkce import challenge, new_secret
from tests.web.conftest import ALICE, BOB, HOST, save


def outcome(page):
    import json
    from html import unescape

    return json.loads(unescape(page.text.split("data-outcome='", 1)[1].split("'", 1)[0]))


def test_the_whole_way(world):
    client, verifier = world.client(), new_secret()
    page = world.dialog(client, verifier)
    assert page.status_code == 200
    said = outcome(page)
    assert said["nonce"] == "n" * 22
    assert said["origin"] == f"https://{HOST}"
    answer = world.client().post(world.url("session"), json={"code": said["code"], "verifier": verifier})
    assert answer.json["user"] == {"name": "Alice Example", "email": "alice@example.com"}
    assert answer.json["expires_in"] == 600
    listed = world.vmrs(answer.json["bearer"]).json
    assert [one["name"] for one in listed] == ["Alice's meeting room", "Town hall"]


def test_polling_is_answered_pending_until_the_person_is_back(world):
    client, verifier = world.client(), new_secret()
    ask = {"verifier": verifier}
    assert world.client().post(world.url("session"), json=ask).status_code == 202
    world.dialog(client, verifier)
    assert world.client().post(world.url("session"), json=ask).status_code == 200
    assert world.client().post(world.url("session"), json=ask).status_code == 202


def test_no_token_stands_in_the_page_or_an_address(world):
    client, verifier = world.client(), new_secret()
    page = world.dialog(client, verifier)
    assert verifier not in page.text
    assert not re.search(r"eyJ[\w-]+\.eyJ", page.text)
    assert set(outcome(page)) == {"code", "nonce", "origin"}


def test_who_signed_in_before_is_not_asked_again(world):
    client = world.client()
    world.dialog(client, new_secret())
    verifier = new_secret()
    page = world.dialog(client, verifier)
    assert len(world.provider.redeemed) == 1
    answer = world.client().post(world.url("session"), json={"code": outcome(page)["code"], "verifier": verifier})
    assert answer.status_code == 200
    world.clock.forward(hours=9)
    world.dialog(client, new_secret())
    assert len(world.provider.redeemed) == 2


def test_a_dialog_session_is_of_one_integration(world):
    client = world.client()
    world.dialog(client, new_secret())
    world.dialog(client, new_secret(), integration=2)
    assert len(world.provider.redeemed) == 2


def left(world, client, integration=1, pane=None):
    asked = {"hash": pane or challenge(new_secret()), "nonce": "n" * 22}
    answer = client.get(world.url("signin", integration), query_string=asked)
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def back(world, client, integration=1, **query):
    return client.get(world.url("signin/callback", integration), query_string={"code": "c", **query})


def test_state_attacks_are_refused_before_the_provider_is_asked(world):
    client = world.client()
    state = left(world, client)
    attempts = [
        back(world, client),
        back(world, client, state=""),
        back(world, client, state="x" * 43),
        back(world, world.client(), state=state),  # another browser: no cookie
        back(world, client, integration=2, state=state),
    ]
    other = world.client()
    left(world, other)  # another browser with a cookie of its own
    attempts.append(back(world, other, state=state))
    assert [answer.status_code for answer in attempts] == [400] * 6
    assert world.provider.redeemed == []
    assert back(world, client, state=state).status_code == 200
    assert back(world, client, state=state).status_code == 400
    late = world.client()
    expired = left(world, late)
    world.clock.forward(minutes=11)
    assert back(world, late, state=expired).status_code == 400
    assert len(world.provider.redeemed) == 1


def test_two_panes_of_one_browser_can_sign_in_at_once(world):
    client = world.client()
    first, second = left(world, client), left(world, client)
    assert back(world, client, state=first).status_code == 200
    assert back(world, client, state=second).status_code == 200


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Refused(Reason.UNAUTHENTICATED, "Sign-in did not succeed."), "did not succeed"),
        (Upstream("The sign-in service does not answer."), "does not answer"),
        (Misconfigured("The client secret is wrong."), "client secret"),
    ],
)
def test_what_goes_wrong_at_the_provider_reaches_the_pane(world, problem, words):
    world.provider.answer = problem
    verifier = new_secret()
    page = world.dialog(world.client(), verifier)
    assert outcome(page)["error"] == "refused"
    assert "code" not in outcome(page)
    answer = world.client().post(world.url("session"), json={"verifier": verifier})
    assert answer.status_code == 403
    assert words in answer.json["error"]["message"]


def test_a_person_who_refuses_at_the_provider(world):
    client, verifier = world.client(), new_secret()
    state = left(world, client, pane=challenge(verifier))
    query = {"error": "access_denied", "error_description": "<script>", "state": state}
    page = client.get(world.url("signin/callback"), query_string=query)
    assert outcome(page)["error"] == "refused"
    assert "<script>" not in page.text
    assert world.provider.redeemed == []
    assert world.client().post(world.url("session"), json={"verifier": verifier}).status_code == 403


def test_new_users_are_refused_clearly_when_that_is_off(world):
    save(world, name="Strict", allow_new_users=False)
    verifier = new_secret()
    world.dialog(world.client(), verifier, integration=3)
    answer = world.client().post(world.url("session", 3), json={"verifier": verifier})
    assert answer.status_code == 403
    assert "no user with the address alice@example.com" in answer.json["error"]["message"]


def test_another_integrations_bearer_is_refused(world):
    bearer = world.bearer()
    assert world.vmrs(bearer).status_code == 200
    assert world.vmrs(bearer, integration=2).status_code == 401


def test_nobody_sees_another_persons_rooms_or_pins(world):
    alice, bob = world.bearer(ALICE), world.bearer(BOB)
    assert "4711" in world.vmrs(alice).text
    seen = world.vmrs(bob).text
    assert "4711" not in seen
    assert "Alice" not in seen
    assert len(world.vmrs(bob).json) == 9


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic dTpw", "Bearer " + "x" * 5000, "bearer a.b.c"])
def test_no_bearer_no_rooms(world, header):
    answer = world.client().get(world.url("personal_vmrs"), headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json["status"] == "failed"
    assert answer.json["error"]["code"] == "unauthenticated"


def test_a_bearer_is_renewed_until_the_session_ends(world):
    bearer = world.bearer()
    world.clock.forward(minutes=9)
    headers = {"Authorization": f"Bearer {bearer}"}
    renewed = world.client().post(world.url("session"), json={"renew": True}, headers=headers)
    assert renewed.status_code == 200
    world.clock.forward(minutes=9)
    assert world.vmrs(bearer).status_code == 401
    assert world.vmrs(renewed.json["bearer"]).status_code == 200
    assert world.client().post(world.url("session"), json={"renew": True}).status_code == 401


VERIFIER = b'"verifier": "' + b"a" * 43 + b'"'


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"verifier": 7}', b'{"verifier": "short"}', b"{" + VERIFIER + b', "code": 7}']
)
def test_bad_bodies_are_refused_with_words(world, body):
    answer = world.client().post(world.url("session"), data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"]["message"]


def test_a_body_that_is_too_large_is_refused(world):
    answer = world.client().post(world.url("session"), data=b" " * 70_000, content_type="application/json")
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    ("pane", "nonce"), [(None, None), ("x", "n" * 22), ("x" * 43, "short"), ("x" * 43, "<" * 22), ("x" * 43, None)]
)
def test_a_dialog_that_no_pane_opened(world, pane, nonce):
    answer = world.client().get(world.url("signin"), query_string={"hash": pane, "nonce": nonce})
    assert answer.status_code == 400
    assert "sign-in button" in answer.text


def test_no_way_out_to_elsewhere(world):
    """There is no `next`; the redirect goes to the provider of the integration, whatever is asked."""
    for extra in (
        {"next": "//evil.example"},
        {"redirect_uri": "https://evil.example"},
        {"origin": "https://evil.example"},
    ):
        asked = {"hash": challenge(new_secret()), "nonce": "n" * 22, **extra}
        answer = world.client().get(world.url("signin"), query_string=asked)
        assert urlsplit(answer.location).netloc == "login.example.com"
        assert "evil" not in answer.location
    assert all(pending.redirect_uri.startswith(f"https://{HOST}/") for pending in world.provider.redeemed)


def test_switched_off(world):
    save(world, name="Off", enabled=False)
    bearer = world.bearer()
    assert world.vmrs(bearer, integration=3).status_code == 403
    assert world.client().get(world.url("signin", 3)).status_code == 403
    assert world.client().post(world.url("session", 3), json={}).json["error"]["code"] == "switched_off"


def test_head_has_no_effect(world):
    for path in ("signin", "signin/callback"):
        assert world.client().head(world.url(path)).status_code == 405


def test_cookies_carry_every_attribute(world):
    client = world.client()
    asked = {"hash": challenge(new_secret()), "nonce": "n" * 22}
    first = client.get(world.url("signin"), query_string=asked)
    state = parse_qs(urlsplit(first.location).query)["state"][0]
    second = back(world, client, state=state)
    cookies = [*first.headers.getlist("Set-Cookie"), *second.headers.getlist("Set-Cookie")]
    assert [cookie.split("=")[0] for cookie in cookies] == ["__Host-addin-dialog-1", "__Host-addin-session-1"]
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
