"""The page "Sign in to service account": out with a link, back with a code, and whose sign-in is stored."""

import html
import re
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.flows import admin_sessions, integrations
from addin_host.flows.integrations.service_token import ALARM, REFRESH_TOKEN
from addin_host.store.models import AccountRow, AlarmRow, AuditRow, MailboxRow, ServiceSignInRow
from addin_host.web.returning import safe_next
from addin_host.web.services import KEY
from tests.gateways.peers.service_provider import ACCOUNT, REDIRECT_URI, ServiceProvider
from tests.web.admin_browser import ADMIN, Admin
from tests.web.conftest import save

PAGE = "/admin/integrations/3/service-account/"
CALLBACK = urlsplit(REDIRECT_URI).path
SUCCESS = '<div class="alert alert-success" role="status">Successfully signed in.</div>'


@pytest.fixture
def peer(world):
    with ServiceProvider() as made:
        outside = replace(world.services.outside, service_accounts=made.gateway())
        world.app.extensions[KEY] = replace(world.services, outside=outside)
        assert save(world, **made.fields | {"name": "Exchange"}) == 3
        yield made


def link_of(page):
    found = re.search(r'<pre id="sign-in-link"[^>]*>([^<]+)</pre>', page.text)
    assert found, page.text
    return html.unescape(found[1])


def leave(browser):
    """Make a link; return it and its state."""
    answer = browser.post(PAGE)
    assert answer.status_code == 200, answer.text
    link = link_of(answer)
    return link, parse_qs(urlsplit(link).query)["state"][0]


def come_back(browser, state, code="c", **more):
    return browser.get(CALLBACK, query_string={"state": state, "code": code, "session_state": "x", **more})


def page_after(browser, answer):
    assert (answer.status_code, answer.location) == (303, PAGE), answer.text
    return browser.get(PAGE).text


def stored(world):
    with world.database.read() as db:
        return integrations.secret(db, 3, REFRESH_TOKEN, box=world.services.box)


def log(world):
    with world.database.read() as db:
        return [row.action for row in db.scalars(select(AuditRow).order_by(AuditRow.id))]


def open_alarms(world):
    with world.database.read() as db:
        return list(db.scalars(select(AlarmRow.identifier).where(AlarmRow.open_key.is_not(None))))


def test_out_and_back(world, admin, peer):
    one = admin()
    assert "Not signed in" in one.get(PAGE).text
    assert open_alarms(world) == [ALARM]
    with world.database.write() as db:
        later = world.clock().replace(year=2027)
        db.add(MailboxRow(integration_id=3, identity="", due_at=later, waits_until=later, fault="sign_in_needed"))
    link, state = leave(one)
    answer = come_back(one, state, peer.grant(link))
    shown = page_after(one, answer)
    assert SUCCESS in shown
    assert ACCOUNT in shown
    assert "Not signed in" not in shown
    assert stored(world) in peer.valid
    assert open_alarms(world) == []
    assert log(world)[-1] == "sign in service account"
    with world.database.read() as db:
        row = db.get(MailboxRow, 3)
        assert (row.waits_until, row.due_at) == (None, world.clock())
        assert all(stored(world) not in str(entry.__dict__) for entry in db.scalars(select(AuditRow)))
    assert peer.calls == 1


def test_a_link_is_kept_as_a_hash_and_a_sealed_value(world, admin, peer):
    _link, state = leave(admin())
    with world.database.read() as db:
        (row,) = db.scalars(select(ServiceSignInRow))
        assert state not in str(row.__dict__)
        assert row.sealed_code is None


def test_a_state_is_good_once_for_ten_minutes_and_for_its_administrator(world, admin, peer):
    one, other = admin(), admin(Role.INTEGRATION_ADMIN, (3,))
    link, state = leave(one)
    assert come_back(other, state).status_code == 400
    for wrong in ("", "x" * 43, state[:-1]):
        assert come_back(one, wrong).status_code == 400
    world.clock.forward(minutes=10)
    assert come_back(one, state).status_code == 400
    assert peer.calls == 0
    old, (link, state) = state, leave(one)
    code = peer.grant(link)
    assert SUCCESS in page_after(one, come_back(one, state, code))
    assert come_back(one, state, code).status_code == 400
    assert come_back(one, old, code).status_code == 400
    assert peer.calls == 1


def test_a_new_link_ends_the_one_before(world, admin, peer):
    one = admin()
    _link, before = leave(one)
    leave(one)
    assert come_back(one, before).status_code == 400
    assert peer.calls == 0


def another_browser(world, one):
    """A browser in which the same administrator signs in now."""
    with world.database.write() as db:
        account = db.get(AccountRow, one.account_id)
        cookie = admin_sessions.open_session(db, account, network="", browser="", now=world.clock())
    client = world.app.test_client()
    client.set_cookie("__Host-addin-admin", cookie, domain=ADMIN, secure=True)
    return Admin(client, one.account_id)


def test_a_session_from_before_does_not_complete_it_and_one_from_after_does(world, admin, peer):
    one = admin()
    before = another_browser(world, one)
    world.clock.forward(seconds=5)
    link, state = leave(one)
    code = peer.grant(link)
    assert come_back(before, state, code).status_code == 400
    assert peer.calls == 0
    world.clock.forward(seconds=5)
    private = another_browser(world, one)
    assert SUCCESS in page_after(private, come_back(private, state, code))


def test_who_is_signed_out_signs_in_first_and_then_it_goes_on(world, admin, peer):
    one = admin()
    link, state = leave(one)
    code = peer.grant(link) + "." * 2000  # codes are long
    peer.granted[code] = peer.granted.pop(code.rstrip("."))
    nobody = Admin(world.app.test_client(), 0)
    assert come_back(nobody, "x" * 43, code).status_code == 400
    asked = come_back(nobody, state, code)
    assert asked.status_code == 302
    page, _, following = asked.location.partition("?next=")
    assert page == "/admin/signin"
    assert code[:20] not in asked.location
    following = unquote(following)
    assert f'value="{following}"' in html.unescape(nobody.get(asked.location).text)
    assert (peer.calls, stored(world)) == (0, "")
    world.clock.forward(seconds=30)
    again = another_browser(world, one)
    assert SUCCESS in page_after(again, again.get(following))
    assert peer.calls == 1


@pytest.mark.parametrize("issuer", ["https://evil.example/", "https://sts.windows.net/" + "x" * 9000, "", "//["])
def test_who_answered_is_looked_at_after_the_sign_in_too(world, admin, peer, issuer):
    one = admin()
    link, state = leave(one)
    asked = come_back(Admin(world.app.test_client(), 0), state, peer.grant(link), iss=issuer)
    following = unquote(asked.location.partition("?next=")[2])
    assert safe_next(following) == following
    assert len(following) < 1000
    shown = page_after(one, one.get(following))
    is_known = issuer.startswith("https://sts.windows.net/")  # each tenant has a path of its own there
    assert (SUCCESS in shown, "does not fit to what was asked" in shown) == (is_known, not is_known)
    assert (peer.calls, bool(stored(world))) == (is_known, is_known)


@pytest.mark.parametrize(
    "bend", [{"expires_in": float("inf")}, {"expires_at": float("inf")}, {"expires_in": "9" * 5000}]
)
def test_an_answer_that_makes_no_sense_is_no_failure_of_ours(world, admin, peer, bend):
    one = admin()
    link, state = leave(one)
    peer.bend = bend
    assert SUCCESS not in page_after(one, come_back(one, state, peer.grant(link)))
    assert stored(world) == ""


def test_another_account_is_refused_and_noted(world, admin, peer):
    one = admin()
    for account in ("boss@example.com", "", f"{ACCOUNT}.example.net"):
        peer.account = account
        link, state = leave(one)
        shown = page_after(one, come_back(one, state, peer.grant(link)))
        assert f"Another account than {ACCOUNT} signed in" in shown
        assert SUCCESS not in shown
        assert log(world)[-1] == "refuse service account"
    assert stored(world) == ""
    peer.account = ACCOUNT.upper()
    link, state = leave(one)
    assert SUCCESS in page_after(one, come_back(one, state, peer.grant(link)))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"error": "access_denied"}, "not completed at the sign-in service (access_denied)"),
        ({"error": "<b>&"}, "not completed at the sign-in service. Begin again."),
        ({"code": ""}, "not completed at the sign-in service. Begin again."),
        ({"iss": "https://evil.example/"}, "does not fit to what was asked"),
        ({"iss": "https://["}, "does not fit to what was asked"),
        ({"iss": ""}, "does not fit to what was asked"),
    ],
)
def test_what_the_service_refuses(world, admin, peer, query, words):
    one = admin()
    _link, state = leave(one)
    assert words in page_after(one, come_back(one, state, **query))
    assert (peer.calls, stored(world)) == (0, "")


def test_a_service_that_does_not_answer_or_gives_no_refresh_token(world, admin, peer):
    one = admin()
    link, state = leave(one)
    peer.fault = (503, b"", ())
    assert "cannot answer at the moment" in page_after(one, come_back(one, state, peer.grant(link)))
    peer.fault, peer.bend = None, {"refresh_token": None}
    link, state = leave(one)
    assert "gave no refresh token" in page_after(one, come_back(one, state, peer.grant(link)))
    assert stored(world) == ""


def test_a_change_while_somebody_signs_in(world, admin, peer):
    one = admin()
    link, state = leave(one)
    with world.database.read() as db:
        uuid = integrations.find(db, 3).uuid
    save(world, **peer.fields | {"name": "Exchange", "uuid": uuid, "username": "other@example.com"})
    assert "Another account than other@example.com" in page_after(one, come_back(one, state, peer.grant(link)))
    link, state = leave(one)
    save(world, **peer.fields | {"name": "Exchange", "uuid": uuid, "authentication_method": "BASIC", "password": "p"})
    assert "changed the integration meanwhile" in page_after(one, come_back(one, state, peer.grant(link)))
    assert stored(world) == ""


def test_settings_that_cannot_work_are_named(world, admin, peer):
    with world.database.read() as db:
        uuid = integrations.find(db, 3).uuid
    elsewhere = {"oauth_redirect_uri": "https://127.0.0.1/elsewhere/"}
    save(world, **peer.fields | {"name": "Exchange", "uuid": uuid} | elsewhere)
    one = admin()
    assert "must end with /admin/platform/msexchangeconnector/oauth_redirect/" in page_after(one, one.post(PAGE))


def test_the_page_is_there_for_oauth_only(world, admin, peer):
    one = admin()
    tab = "/service-account/"
    assert f'href="{PAGE}"' in one.get("/admin/integrations/3/").text
    assert f'href="{PAGE}"' in one.get("/admin/integrations/3/checks/").text
    assert tab not in one.get("/admin/integrations/1/").text
    assert "No sign-in is needed" in one.get("/admin/integrations/1/service-account/").text
    assert one.post("/admin/integrations/1/service-account/").status_code == 409


def test_a_viewer_reads_and_does_not_sign_in(world, admin, peer):
    one = admin(Role.VIEWER)
    assert "sign-in link" not in one.get(PAGE).text
    assert one.post(PAGE).status_code == 403
    _link, state = leave(admin())
    assert come_back(one, state).status_code == 403
    assert peer.calls == 0


def test_a_callback_of_an_integration_out_of_reach(world, admin, peer):
    one = admin(Role.INTEGRATION_ADMIN, (3,))
    _link, state = leave(one)
    with world.database.write() as db:
        db.get(AccountRow, one.account_id).integrations = [1]
    assert come_back(one, state).status_code == 404
    assert peer.calls == 0


def test_head_changes_nothing(world, admin, peer):
    one = admin()
    link, state = leave(one)
    assert one.client.head(CALLBACK, base_url=f"https://{ADMIN}", query_string={"state": state}).status_code == 405
    assert SUCCESS in page_after(one, come_back(one, state, peer.grant(link)))
