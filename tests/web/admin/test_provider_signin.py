"""The ways out to the organization's provider and back: what is remembered, and which account it leads to."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import HostError, Upstream
from addin_host.domain.ports import AdminPerson
from addin_host.flows import accounts, platform
from addin_host.store.models import AccountRow, AdminSignInRow, AuditRow
from addin_host.web.services import KEY
from tests.quick_hashes import quick_hashes
from tests.web.admin.test_signin import browser, make, session_cookie, with_codes

__all__ = ["quick_hashes"]
pytestmark = pytest.mark.usefixtures("quick_hashes")
KIM = AdminPerson("https://idp.example.com", "subject-1", "kim@example.com", "Kim", "kim@example.com", ("admins",))
ROLES = "admins = platform-admin\nsales-it = integration-admin 1\neverybody = viewer"


class Provider:
    """Says what the test tells it to, and keeps what it was asked."""

    def __init__(self):
        self.person, self.asked = KIM, []

    def authorization_url(self, provider, pending, *, again):
        self.asked.append((provider, pending, again))
        return f"https://idp.example.com/authorize?state={pending.state}"

    def redeem(self, provider, pending, *, code, issuer, client_secret, again):
        if isinstance(self.person, HostError):
            raise self.person
        assert (provider, pending, again) in self.asked
        assert client_secret == "the client's secret"
        return self.person


@pytest.fixture
def provider(world):
    made = Provider()
    world.app.extensions[KEY] = replace(world.services, admin_identity=made)
    configure(
        world,
        admin_address="https://127.0.0.1",
        oidc_enabled=True,
        oidc_issuer="https://idp.example.com",
        oidc_client_id="addin-host",
        oidc_client_secret="the client's secret",
        oidc_roles=ROLES,
    )
    return made


def configure(world, **values):
    with world.database.write() as db:
        platform.change(db, values, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())


def leave(one, query="next=/admin/profile/"):
    return one.get(f"/admin/signin/start?{query}")


def state_of(answer):
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def come_back(one, state, **more):
    return one.get("/admin/signin/callback", query_string={"code": "c", "state": state, **more})


def sign_in(one):
    return come_back(one, state_of(leave(one)))


def account(world, name="kim@example.com"):
    with world.database.read() as db:
        return accounts.find(db, name)


def test_out_and_back(world, provider):
    one = browser(world)
    assert 'href="/admin/signin/start?next=/admin/profile/"' in one.get("/admin/signin?next=/admin/profile/").text
    left = leave(one)
    cookie = left.headers["Set-Cookie"]
    assert cookie.startswith("__Host-addin-provider=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    asked, pending, again = provider.asked[0]
    assert (asked.issuer, asked.client_id, again) == ("https://idp.example.com", "addin-host", False)
    assert pending.redirect_uri == "https://127.0.0.1/admin/signin/callback"
    with world.database.read() as db:
        (row,) = db.scalars(select(AdminSignInRow))
        assert pending.state not in str(row.__dict__)
        assert pending.verifier not in str(row.__dict__)
    assert come_back(one, pending.state).location == "/admin/profile/"
    assert one.get("/admin/profile/").status_code == 200
    row = account(world)
    assert (row.role, row.display_name, row.oidc_subject, row.password_hash) == (
        "platform-admin",
        "Kim",
        "subject-1",
        None,
    )
    with world.database.read() as db:
        assert [row.action for row in db.scalars(select(AuditRow).order_by(AuditRow.id))][-2:] == ["create", "sign in"]


def test_a_state_is_good_once_in_the_same_browser_for_ten_minutes(world, provider):
    one, thief = browser(world), browser(world)
    state = state_of(leave(one))
    leave(thief)
    assert come_back(thief, state).status_code == 400
    assert come_back(browser(world), state).status_code == 400
    assert come_back(one, "x" * 43).status_code == 400
    assert come_back(one, state).status_code == 303
    assert come_back(one, state).status_code == 400
    late = state_of(leave(one))
    world.clock.forward(minutes=10)
    assert come_back(one, late).status_code == 400
    assert session_cookie(thief) is None


def test_head_and_errors_use_nothing_up(world, provider):
    one = browser(world)
    assert one.client.head("/admin/signin/start", base_url="https://127.0.0.1").status_code == 405
    assert one.client.head("/admin/signin/callback", base_url="https://127.0.0.1").status_code == 405
    answer = come_back(one, state_of(leave(one)), error="access_denied")
    assert answer.status_code == 403
    assert "was not completed" in answer.text
    provider.person = Upstream("idp.example.com cannot answer at the moment.")
    answer = sign_in(one)
    assert answer.status_code == 503
    assert "cannot answer" in answer.text
    assert session_cookie(one) is None


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/admin/../x"])
def test_nobody_is_sent_elsewhere(world, provider, wanted):
    one = browser(world)
    left = one.get("/admin/signin/start", query_string={"next": wanted})
    assert come_back(one, state_of(left)).location == "/admin/"


def test_role_and_name_follow_the_provider(world, provider):
    one = browser(world)
    sign_in(one)
    provider.person = replace(KIM, roles=("sales-it", "everybody"), name="Kim Q.", login="renamed")
    other = browser(world)
    sign_in(other)
    row = account(world)
    assert (row.role, row.integrations, row.display_name) == ("integration-admin", [1], "Kim Q.")
    assert one.get("/admin/profile/").status_code == 302  # the old rights' sessions are over
    with world.database.read() as db:
        assert len(db.scalars(select(AccountRow)).all()) == 1


def test_who_matches_no_role_is_refused_in_words_and_loses_what_was_open(world, provider):
    one = browser(world)
    sign_in(one)
    provider.person = replace(KIM, roles=("strangers",))
    answer = sign_in(browser(world))
    assert answer.status_code == 403
    assert "none of your roles" in answer.text
    assert one.get("/admin/profile/").status_code == 302
    provider.person = replace(KIM, subject="subject-2", roles=())
    assert sign_in(browser(world)).status_code == 403
    with world.database.read() as db:
        assert len(db.scalars(select(AccountRow)).all()) == 1


def test_without_lines_only_known_people_come_in(world, provider):
    sign_in(browser(world))
    configure(world, oidc_roles="")
    assert sign_in(browser(world)).status_code == 303
    assert account(world).role == "platform-admin"
    provider.person = replace(KIM, subject="subject-2")
    assert sign_in(browser(world)).status_code == 403


def test_a_name_links_nobody(world, provider):
    own = make(world, "kim@example.com")
    assert sign_in(browser(world)).status_code == 303
    with world.database.read() as db:
        mine, theirs = db.scalars(select(AccountRow).order_by(AccountRow.id))
        assert (mine.id, mine.oidc_subject) == (own, None)
        assert theirs.name.startswith("kim@example.com-")
    provider.person = replace(KIM, subject="subject-3", login="<b>:x")
    assert sign_in(browser(world)).status_code == 303


def test_disabled_is_disabled_and_codes_are_asked_for(world, provider):
    sign_in(browser(world))
    number = account(world).id
    with_codes(world, number)
    assert sign_in(browser(world)).location.startswith("/admin/signin/code?")
    with world.database.write() as db:
        accounts.row_of(db, number).enabled = False
    answer = sign_in(browser(world))
    assert answer.status_code == 403
    assert "disabled" in answer.text


def test_confirming_takes_a_new_proof_of_the_same_person(world, provider):
    one = browser(world)
    sign_in(one)
    world.clock.forward(minutes=16)
    assert one.get("/admin/accounts/new").location.startswith("/admin/confirm?")
    page = one.get("/admin/confirm?next=/admin/accounts/new").text
    assert 'href="/admin/signin/start?again=1&amp;next=/admin/accounts/new"' in page
    old = session_cookie(one).value
    state = state_of(leave(one, "again=1&next=/admin/accounts/new"))
    provider.person = replace(KIM, subject="subject-2")
    assert come_back(one, state).status_code == 403
    assert one.get("/admin/accounts/new").status_code == 302
    provider.person = KIM
    state = state_of(leave(one, "again=1&next=/admin/accounts/new"))
    assert come_back(one, state).location == "/admin/accounts/new"
    assert session_cookie(one).value != old
    assert one.get("/admin/accounts/new").status_code == 200


def test_a_confirmation_signs_nobody_in(world, provider):
    one = browser(world)
    assert come_back(one, state_of(leave(one, "again=1"))).status_code == 401
    assert session_cookie(one) is None


def test_switched_off_and_without_an_address(world, provider):
    configure(world, admin_address="")
    answer = leave(browser(world))
    assert answer.status_code == 500
    assert "Address of these pages" in answer.text
    configure(world, oidc_enabled=False)
    answer = leave(browser(world))
    assert answer.status_code == 403
    assert "switched off" in answer.text
