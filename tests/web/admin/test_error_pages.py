"""Pages that fail: inside the administrators' layout, with words and a way on, whoever asks and whatever is away."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from addin_host.domain.access import Role
from addin_host.flows import integrations
from addin_host.web.admission import Auth
from addin_host.web.numbers import row_number
from tests.web.walks import ADMIN, routes

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
NAVIGATION = 'aria-label="Main"'


def is_in_the_layout(answer):
    assert 'class="topbar"' in answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
    assert re.search(r'<a class="btn btn-primary" href="/admin/[^"]*"', answer.text)
    return True


@pytest.mark.parametrize(
    ("role", "path", "status", "words"),
    [
        (Role.VIEWER, "/admin/settings/", 403, "You may not do this"),
        (Role.VIEWER, "/admin/integrations/999/", 404, "There is no such integration."),
        (Role.VIEWER, "/admin/nothing-here", 404, "There is nothing at this address."),
        (Role.VIEWER, "/admin/signout", 405, "This page is not available"),
    ],
)
def test_a_page_that_fails_stays_in_the_layout(admin, role, path, status, words):
    answer = admin(role).get(path)
    assert answer.status_code == status
    assert words in answer.text and is_in_the_layout(answer)


def test_nobody_has_to_be_signed_in_for_it(world):
    answer = world.app.test_client().get("/admin/nothing-here", base_url=f"https://{ADMIN}")
    assert answer.status_code == 404
    assert is_in_the_layout(answer) and NAVIGATION not in answer.text


@pytest.mark.parametrize(("table", "knows_who_asks"), [("admin_session", False), ("alarm", True)])
def test_it_needs_no_database(world, admin, table, knows_who_asks):
    browser = admin()
    with world.database.write() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO elsewhere"))
    answer = browser.get("/admin/alarms/")
    assert answer.status_code == 503
    assert "Something went wrong" in answer.text and is_in_the_layout(answer)
    assert (NAVIGATION in answer.text) == knows_who_asks


def test_what_nobody_expected_has_a_number_to_tell(admin, monkeypatch):
    def fails(_session):
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(integrations, "overview", fails)
    answer = admin().get("/admin/integrations/")
    assert answer.status_code == 500
    assert answer.headers["X-Correlation-ID"] in answer.text
    assert "canary" not in answer.text and is_in_the_layout(answer)


@pytest.mark.parametrize("headers", [SAME_SITE, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_without_its_token_says_what_may_have_happened(admin, headers):
    browser = admin()
    data = {"csrf_token": "no token", "display_name": "<b>typed</b>"}
    answer = browser.client.post("/admin/profile/", data=data, headers=headers, base_url=f"https://{ADMIN}")
    assert answer.status_code == 400
    assert "Nothing was changed." in answer.text and "another site sent it" in answer.text
    assert "typed" not in answer.text and is_in_the_layout(answer)


def test_who_is_signed_out_can_sign_in_elsewhere_and_send_the_form_again(admin, world):
    browser = admin()
    token = browser.token()
    browser.client.delete_cookie("__Host-addin-admin", domain=ADMIN)
    data = {"csrf_token": token, "display_name": "Ada"}
    answer = browser.client.post("/admin/profile/", data=data, headers=SAME_SITE, base_url=f"https://{ADMIN}")
    assert answer.status_code == 401
    assert '<a class="btn btn-primary" href="/admin/signin" target="_blank" rel="noopener">' in answer.text
    assert "reload this page" in answer.text and is_in_the_layout(answer)


def test_other_kinds_of_pages_keep_their_own_look(world, admin):
    assert 'class="topbar"' not in world.client().get(world.url("nothing")).text
    assert 'class="topbar"' not in admin().get(f"/admin/preview/{'t' * 43}/pane").text


NUMBERS = ("entry", "run_id", "alarm_id", "user_id", "vmr_id", "job_id", "account_id", "session_id", "api_user_id")


def test_no_number_in_an_address_or_a_form_breaks_a_page(world, admin):
    number, walked = "9" * 20, 0
    query = f"page={number}&before={number}~a&after={number}&integration={number}&size={number}"
    browser = admin()
    sent = {"csrf_token": browser.token(), "version": number, "integrations": number, "name": "n"}
    for route in routes(world.app, Auth.SESSION, reference=number, **dict.fromkeys(NUMBERS, int(number))):
        data = sent if route.is_unsafe else None
        answer = browser.client.open(f"{route.address}?{query}", method=route.method, data=data, headers=SAME_SITE)
        assert answer.status_code < 500, (str(route), answer.text)
        walked += 1
    assert walked > 75


def test_the_largest_number_of_a_row():
    assert row_number("2147483647") == 2**31 - 1
    assert [row_number(text) for text in ("2147483648", "9" * 5000, "-1", "1.0", "\u0661", "", " 1")] == [None] * 7


def test_a_list_of_digits_too_long_to_be_a_number_is_no_integration(admin):
    sent = {"role": "integration-admin", "name": "kim", "integrations": "1" * 5000}
    answer = admin().post("/admin/accounts/new", sent)
    assert answer.status_code == 400
