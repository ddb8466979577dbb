"""Signing in and out as a browser does: password, one-time code, links, confirming."""

import re
import statistics
import time

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.accounts import AccountDraft
from addin_host.flows import accounts, admin_signin, passwords, second_factor, setup_links
from addin_host.flows.admin_sessions import Visit
from addin_host.flows.platform import change
from addin_host.store.models import AccountRow, AdminSessionRow, AuditRow, FailureRow, SetupLinkRow
from tests.quick_hashes import QUICK, quick_hashes
from tests.web.admin_browser import ADMIN, Admin

PASSWORD = "a lamp for tuesday"
HASH = QUICK.hash(PASSWORD)
__all__ = ["quick_hashes"]
pytestmark = pytest.mark.usefixtures("quick_hashes")


def browser(world):
    client = world.app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    return Admin(client, 0)


def make(world, name="kim", role=Role.PLATFORM_ADMIN, **more):
    with world.database.write() as db:
        number = accounts.create(db, AccountDraft(name, role=role), caller=ON_THIS_MACHINE, now=world.clock())
        row = accounts.row_of(db, number)
        row.password_hash = HASH
        for attribute, value in more.items():
            setattr(row, attribute, value)
    return number


def sign_in(one, name="kim", password=PASSWORD, **data):
    return one.post("/admin/signin", {"name": name, "password": password, **data}, form="/admin/signin")


def with_codes(world, number):
    key = second_factor.new_key()
    with world.database.write() as db:
        row = accounts.row_of(db, number)
        row.sealed_totp = world.services.box.seal(second_factor.place(number), key)
        row.totp_step = 0
        row.recovery_hashes = [second_factor.recovery_hash("abcd-efgh")]
    return lambda shift=0: second_factor._totp(key).generate(int(world.clock().timestamp()) + 30 * shift).decode()


def code(one, text, **data):
    return one.post("/admin/signin/code", {"code": text, **data}, form="/admin/signin/code")


def actions(world):
    with world.database.read() as db:
        return [row.action for row in db.scalars(select(AuditRow).order_by(AuditRow.id))]


def session_cookie(one):
    return one.client.get_cookie("__Host-addin-admin", domain=ADMIN)


def test_in_and_out(world):
    make(world)
    one = browser(world)
    assert one.get("/admin/profile/").location == "/admin/signin?next=%2Fadmin%2Fprofile%2F"
    answer = sign_in(one, "KIM ", next="/admin/profile/")
    assert (answer.status_code, answer.location) == (303, "/admin/profile/")
    cookie = next(text for text in answer.headers.getlist("Set-Cookie") if text.startswith("__Host-addin-admin="))
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert one.get("/admin/profile/").status_code == 200
    assert one.get("/admin/signin?next=/admin/vmrs/").location == "/admin/vmrs/"
    old = session_cookie(one).value
    assert one.post("/admin/signout").location == "/admin/signin"
    assert session_cookie(one) is None
    one.client.set_cookie("__Host-addin-admin", old, domain=ADMIN, secure=True)
    assert one.get("/admin/profile/").status_code == 302
    assert [action for action in actions(world) if action.startswith("sign")] == ["sign in", "sign out"]


def test_a_token_made_before_the_sign_in_dies_with_it(world):
    make(world)
    one = browser(world)
    before = one.token("/admin/signin")
    form = one.client.get_cookie("__Host-addin-form", domain=ADMIN).value
    sign_in(one)
    assert one.token() != before
    assert one.client.get_cookie("__Host-addin-form", domain=ADMIN).value != form
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = one.client.post(
        "/admin/signout", data={"csrf_token": before}, base_url=f"https://{ADMIN}", headers=headers
    )
    assert answer.status_code == 400


def sends(one, token, name="New name"):
    headers = {"Sec-Fetch-Site": "same-origin"}
    data = {"csrf_token": token, "display_name": name}
    return one.client.post("/admin/profile/", data=data, base_url=f"https://{ADMIN}", headers=headers)


def test_a_form_that_waited_for_the_next_sign_in_can_be_sent_by_the_same_person_alone(world):
    make(world)
    make(world, "other")
    one = browser(world)
    sign_in(one)
    token = one.token()
    world.clock.forward(hours=13)
    waits = sends(one, token)
    assert waits.status_code == 401 and 'href="/admin/signin" target="_blank"' in waits.text
    sign_in(one)
    assert sends(one, token).status_code == 303
    assert one.post("/admin/confirm", {"password": PASSWORD}).status_code == 303
    assert sends(one, token).status_code == 303
    world.clock.forward(hours=13)
    sign_in(one, "other")
    assert sends(one, token).status_code == 400


def test_a_form_that_was_filled_in_waits_for_the_proof(world):
    make(world)
    one = browser(world)
    sign_in(one)
    typed = {"name": "lee", "role": "viewer", "enabled": "on"}
    world.clock.forward(minutes=16)
    waits = one.post("/admin/accounts/new", typed)
    assert waits.status_code == 403
    assert 'href="/admin/confirm" target="_blank"' in waits.text and "reload this page" in waits.text
    assert one.post("/admin/confirm", {"password": PASSWORD}).status_code == 303
    assert "is created" in one.post("/admin/accounts/new", typed).text


@pytest.mark.parametrize("name", ["kim", "nobody", "off", "without"])
def test_whatever_is_wrong_the_words_are_the_same(world, name):
    make(world)
    make(world, "off", enabled=False)
    make(world, "without", password_hash=None)
    password = PASSWORD if name in ("off", "without") else "not this one"
    answer = sign_in(browser(world), name, password)
    assert answer.status_code == 401
    assert re.findall(r'role="alert"[^>]*>([^<]+)', answer.text) == [admin_signin.WRONG]


def test_unknown_names_take_as_long_as_known_ones(world):
    """All but the hash itself is measured here; that the same hash is made each time, tests/flows/test_passwords.py."""
    make(world)
    make(world, "without", password_hash=None)
    took = {"kim": [], "nobody": [], "without": []}
    for number in range(15):
        for name, times in took.items():
            visit = Visit("10.1.2.3", "test", world.clock())
            begun = time.process_time()
            with pytest.raises(admin_signin.Refused):
                admin_signin.with_password(
                    world.database, name, "not this one", visit=visit, neighbourhood=f"{number}{name}"
                )
            times.append(time.process_time() - begun)
            world.clock.forward(hours=2)
    medians = [statistics.median(times) for times in took.values()]
    assert max(medians) - min(medians) < 0.010


def test_guessing_is_slowed_and_the_right_password_works_after_the_delay(world):
    make(world)
    one = browser(world)
    for _ in range(5):
        assert sign_in(one, password="not this one").status_code == 401
    answer = sign_in(one)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert "Try again in 1 second." in answer.text
    world.clock.forward(seconds=1)
    assert sign_in(one).status_code == 303
    with world.database.read() as db:
        assert [row.key[:4] for row in db.scalars(select(FailureRow))] == ["net:"]
    assert "delay" in actions(world)


def test_an_old_hash_is_made_anew(world):
    old = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash(PASSWORD)
    number = make(world, password_hash=old)
    assert sign_in(browser(world)).status_code == 303
    with world.database.read() as db:
        assert accounts.row_of(db, number).password_hash.startswith("$argon2id$v=19$m=64,t=1,p=1$")


ELSEWHERE = [
    "//evil.example",
    "https://evil.example/admin/",
    "/\\evil.example",
    "/admin/\\evil.example",
    "/admin//evil.example",
    "/admin/../evil",
    "/admin/./x",
    "javascript:alert(1)",
    "/admin/\r\nSet-Cookie: x=1",
    "\t/admin/",
    " /admin/",
    "/admin/signout",
    "/admin/confirm",
    "/adminx/",
    "/api/admin/",
    "/admin/" + "x" * 1000,
    "/admin/%0d%0a" + "ä",
    "",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_sent_elsewhere(world, wanted):
    make(world)
    assert sign_in(browser(world), next=wanted).location == "/admin/"


@pytest.mark.parametrize("wanted", ["/admin/vmrs/?q=a%20b&page=2", "/admin/integrations/1/", "/admin/"])
def test_own_pages_are_gone_on_to(world, wanted):
    make(world)
    assert sign_in(browser(world), next=wanted).location == wanted


def test_a_code_is_asked_for_and_good_once(world):
    shown = with_codes(world, make(world))
    one = browser(world)
    answer = sign_in(one, next="/admin/profile/")
    assert answer.location == "/admin/signin/code?next=%2Fadmin%2Fprofile%2F"
    waiting = session_cookie(one).value
    assert one.get("/admin/profile/").location == "/admin/signin/code?next=%2Fadmin%2Fprofile%2F"
    assert one.client.post("/admin/profile/", base_url=f"https://{ADMIN}").status_code in (400, 401)
    assert code(one, "000000").status_code == 401
    used = shown()
    assert code(one, used, next="/admin/profile/").location == "/admin/profile/"
    assert session_cookie(one).value != waiting
    assert one.get("/admin/profile/").status_code == 200
    again = browser(world)
    sign_in(again)
    assert code(again, used).status_code == 401
    assert code(again, shown(-1)).status_code == 401
    assert code(again, shown(1)).status_code == 303


def test_codes_of_other_moments_are_refused(world):
    shown = with_codes(world, make(world))
    for shift in (-2, 2, 10):
        one = browser(world)
        sign_in(one)
        assert code(one, shown(shift)).status_code == 401
        world.clock.forward(hours=2)


def test_a_recovery_code_is_good_once(world):
    with_codes(world, make(world))
    for expected in (303, 401):
        one = browser(world)
        sign_in(one)
        assert code(one, " ABCD EFGH ").status_code == expected


def test_guessing_codes_is_slowed_even_with_the_password(world):
    with_codes(world, make(world))
    evaluated = 0
    for _ in range(12):
        one = browser(world)
        if sign_in(one).status_code == 303:
            evaluated += code(one, "000000").status_code == 401
    assert evaluated == 5


def test_a_sign_in_that_waits_too_long_for_its_code_is_over(world):
    shown = with_codes(world, make(world))
    one = browser(world)
    sign_in(one)
    token = one.token("/admin/signin/code")
    world.clock.forward(minutes=11)
    headers = {"Sec-Fetch-Site": "same-origin"}
    data = {"csrf_token": token, "code": shown()}
    answer = one.client.post("/admin/signin/code", data=data, base_url=f"https://{ADMIN}", headers=headers)
    assert answer.status_code == 409
    assert "Begin again" in answer.text
    assert one.get("/admin/signin/code").location.startswith("/admin/signin?")


def link_for(world, name=""):
    with world.database.write() as db:
        if not name:
            return setup_links.issue_first(db, now=world.clock())
        return setup_links.issue(db, accounts.find(db, name).id, caller=ON_THIS_MACHINE, now=world.clock())


def set_up(one, token, password=PASSWORD, again=None, name=""):
    data = {"token": token, "name": name, "password": password, "again": again if again is not None else password}
    return one.post("/admin/setup", data, form=f"/admin/setup?token={token}")


def test_the_first_administrator_chooses_name_and_password(world):
    token, one = link_for(world), browser(world)
    assert "first administrator" in one.get(f"/admin/setup?token={token}").text
    assert "is missing" in set_up(one, token).text
    assert "tried first" in set_up(one, token, "password1234", name="kim").text
    assert "differ" in set_up(one, token, again="another one here", name="kim").text
    assert set_up(one, token, name="kim").location == "/admin/"
    assert one.get("/admin/profile/").status_code == 200
    with world.database.read() as db:
        assert (accounts.find(db, "kim").role, db.scalars(select(SetupLinkRow)).all()) == ("platform-admin", [])
        assert setup_links.issue_first(db, now=world.clock()) is None


def test_a_first_link_is_void_once_there_is_an_account(world):
    token = link_for(world)
    make(world)
    answer = browser(world).get(f"/admin/setup?token={token}")
    assert answer.status_code == 401
    assert "not valid" in answer.text


def test_a_link_works_once_and_ends_what_was_open(world):
    number = make(world)
    thief, one = browser(world), browser(world)
    sign_in(thief)
    first, second = link_for(world, "kim"), link_for(world, "kim")
    assert one.get(f"/admin/setup?token={first}").status_code == 401
    assert set_up(one, second, "another good sentence").status_code == 303
    assert thief.get("/admin/profile/").status_code == 302
    assert browser(world).get(f"/admin/setup?token={second}").status_code == 401
    with world.database.read() as db:
        assert passwords.verify(accounts.row_of(db, number).password_hash, "another good sentence")
        assert token_is_hashed(db, second)


def token_is_hashed(db, token):
    return all(token not in str(row.__dict__) for row in db.scalars(select(SetupLinkRow)))


def test_a_link_is_good_for_a_day(world):
    make(world)
    token = link_for(world, "kim")
    world.clock.forward(hours=24, seconds=1)
    assert browser(world).get(f"/admin/setup?token={token}").status_code == 401


def test_guessing_links_is_slowed(world):
    one = browser(world)
    answers = [one.get(f"/admin/setup?token={'x' * 42}{number}").status_code for number in range(6)]
    assert answers == [401] * 5 + [429]


def test_sessions_end_when_idle_and_after_their_time(world):
    make(world)
    one = browser(world)
    sign_in(one)
    for _ in range(3):
        world.clock.forward(minutes=29)
        assert one.get("/admin/profile/").status_code == 200
    world.clock.forward(minutes=31)
    assert one.get("/admin/profile/").status_code == 302
    sign_in(one)
    for _ in range(25):
        world.clock.forward(minutes=29)
        one.get("/admin/profile/")
    assert one.get("/admin/profile/").status_code == 302
    with world.database.write() as db:
        change(db, {"admin_session_idle_minutes": 5}, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())
    sign_in(one)
    world.clock.forward(minutes=6)
    assert one.get("/admin/profile/").status_code == 302


def test_what_matters_asks_again_who_it_is(world):
    make(world)
    one = browser(world)
    sign_in(one)
    assert one.get("/admin/accounts/new").status_code == 200
    world.clock.forward(minutes=16)
    assert one.get("/admin/accounts/new").location == "/admin/confirm?next=%2Fadmin%2Faccounts%2Fnew"
    assert one.post("/admin/accounts/1/delete").location == "/admin/confirm?next=%2Fadmin%2Faccounts%2F1%2F"
    old = session_cookie(one).value
    page = "/admin/confirm?next=/admin/accounts/new"
    assert one.post("/admin/confirm", {"password": "not this one"}, form=page).status_code == 401
    answer = one.post("/admin/confirm", {"password": PASSWORD, "next": "/admin/accounts/new"}, form=page)
    assert answer.location == "/admin/accounts/new"
    assert session_cookie(one).value != old
    assert one.get("/admin/accounts/new").status_code == 200
    assert "confirm" in actions(world)


def test_a_code_confirms_too(world):
    shown = with_codes(world, make(world))
    one = browser(world)
    sign_in(one)
    code(one, shown())
    world.clock.forward(minutes=16)
    assert one.post("/admin/confirm", {"code": "123456"}, form="/admin/confirm").status_code == 401
    assert one.post("/admin/confirm", {"code": shown()}, form="/admin/confirm").status_code == 303


def test_guesses_at_the_confirmation_count(world):
    make(world)
    one = browser(world)
    sign_in(one)
    token = one.token("/admin/confirm")
    answers = []
    for _ in range(7):
        headers = {"Sec-Fetch-Site": "same-origin"}
        data = {"csrf_token": token, "password": "not this one"}
        answers.append(one.client.post("/admin/confirm", data=data, base_url=f"https://{ADMIN}", headers=headers))
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2


def test_passwords_can_be_switched_off(world):
    make(world)
    with world.database.write() as db:
        elsewhere = {"oidc_issuer": "https://idp.example.com", "oidc_client_id": "c", "oidc_client_secret": "s"}
        values = {"password_sign_in": False, "oidc_enabled": True, **elsewhere}
        change(db, values, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())
    one = browser(world)
    assert 'type="password"' not in one.get("/admin/signin").text
    with pytest.raises(admin_signin.Refused, match="switched off"):
        admin_signin.with_password(
            world.database, "kim", PASSWORD, visit=Visit("", "", world.clock()), neighbourhood=""
        )


def test_no_session_is_stored_in_clear(world):
    make(world)
    one = browser(world)
    sign_in(one)
    cookie = session_cookie(one).value
    with world.database.read() as db:
        assert all(cookie not in str(row.__dict__) for row in db.scalars(select(AdminSessionRow)))
        assert all(PASSWORD not in str(row.__dict__) for row in db.scalars(select(AccountRow)))
