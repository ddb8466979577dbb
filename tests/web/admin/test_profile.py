"""The own account: person, password, one-time codes, sessions."""

import re

import pytest
from sqlalchemy import select

from addin_host.flows import accounts, second_factor
from addin_host.store.models import AccountRow, AdminSessionRow, AuditRow
from addin_host.web.admin.browsers import browser_name
from tests.quick_hashes import quick_hashes
from tests.web.admin.test_signin import PASSWORD, browser, code, make, session_cookie, sign_in

__all__ = ["quick_hashes"]
pytestmark = pytest.mark.usefixtures("quick_hashes")
HOME = "/admin/profile/"


def account(world, number):
    with world.database.read() as db:
        return accounts.get(db, number)


def signed_in(world):
    number, one = make(world), browser(world)
    sign_in(one)
    return number, one


def test_name_and_address_can_be_changed_and_the_role_cannot(world):
    number, one = signed_in(world)
    data = {"display_name": "Kim <O'Hara>", "email": "kim@example.com", "role": "viewer", "name": "root"}
    assert one.post(HOME, data).status_code == 303
    draft = account(world, number).draft
    assert (draft.name, draft.display_name, draft.email, draft.role) == (
        "kim",
        "Kim <O'Hara>",
        "kim@example.com",
        "platform-admin",
    )
    page = one.get(HOME).text
    assert "Kim &lt;O&#39;Hara&gt;" in page
    answer = one.post(HOME, {"email": "kim"})
    assert answer.status_code == 400
    assert "is not an e-mail address" in answer.text


def change_password(one, current=PASSWORD, new="another good sentence", again=None):
    data = {"current": current, "password": new, "again": again if again is not None else new}
    return one.post("/admin/profile/password", data)


def test_a_new_password_ends_the_other_sessions_and_renames_this_one(world):
    _number, one = signed_in(world)
    other = browser(world)
    sign_in(other)
    old = session_cookie(one).value
    assert change_password(one, current="not this one").status_code == 401
    assert change_password(one, new="short").status_code == 400
    assert change_password(one, again="something else here").status_code == 400
    assert session_cookie(one).value == old
    assert change_password(one).status_code == 303
    assert session_cookie(one).value != old
    assert "is changed" in one.get(HOME).text
    assert other.get(HOME).status_code == 302
    assert sign_in(browser(world)).status_code == 401
    assert sign_in(browser(world), password="another good sentence").status_code == 303


def set_up_codes(world, one):
    page = one.get("/admin/profile/codes").text
    key = re.search(r'<p class="mono shown-once">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    assert "data:image/svg+xml" in page
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)[1]

    def shown(shift=0):
        return second_factor._totp(key).generate(int(world.clock().timestamp()) + 30 * shift).decode()

    return key, sealed, shown


def test_one_time_codes_from_key_to_sign_in(world):
    number, one = signed_in(world)
    key, sealed, shown = set_up_codes(world, one)
    wrong = one.post("/admin/profile/codes", {"sealed": sealed, "code": "000000"})
    assert wrong.status_code == 400
    assert key[:4] in wrong.text
    assert not account(world, number).has_codes
    page = one.post("/admin/profile/codes", {"sealed": sealed, "code": shown()}).text
    recovery = re.findall(r'<li class="mono">([a-z2-7-]{19})</li>', page)
    assert len(set(recovery)) == 10
    with world.database.read() as db:
        row = db.get(AccountRow, number)
        assert key not in str(row.__dict__)
        assert all(one not in str(row.__dict__) for one in recovery)
    again = browser(world)
    sign_in(again)
    assert code(again, shown()).status_code == 401  # the code that switched it on is used
    assert code(again, recovery[3]).status_code == 303
    assert "9 recovery codes" in one.get(HOME).text
    assert one.get("/admin/profile/codes").status_code == 302


def test_a_key_that_was_sealed_for_somebody_else_is_no_key(world):
    number, one = signed_in(world)
    for sealed in ("", "x", world.services.box.seal("account:99:new totp", second_factor.new_key())):
        assert one.post("/admin/profile/codes", {"sealed": sealed, "code": "000000"}).location.endswith("/codes")
    assert not account(world, number).has_codes


def test_switching_codes_off_needs_one(world):
    number, one = signed_in(world)
    _key, sealed, shown = set_up_codes(world, one)
    one.post("/admin/profile/codes", {"sealed": sealed, "code": shown()})
    change = "/admin/profile/codes/change"
    assert one.post(change, {"act": "off", "code": ""}).status_code == 401
    assert one.post(change, {"act": "off", "code": shown()}).status_code == 401  # used
    assert account(world, number).has_codes
    page = one.post(change, {"act": "renew", "code": shown(1)}).text
    recovery = re.findall(r'<li class="mono">([a-z2-7-]{19})</li>', page)
    assert one.post(change, {"act": "off", "code": recovery[0]}).status_code == 303
    assert not account(world, number).has_codes
    with world.database.read() as db:
        found = list(db.scalars(select(AuditRow.action).where(AuditRow.action.contains("cod")).order_by(AuditRow.id)))
    assert found == ["switch on one-time codes", "renew recovery codes", "switch off one-time codes"]


def test_setting_codes_up_asks_first_who_it_is(world):
    _number, one = signed_in(world)
    world.clock.forward(minutes=16)
    assert one.get("/admin/profile/codes").location.startswith("/admin/confirm?")


def sessions(world, number):
    with world.database.read() as db:
        return list(db.scalars(select(AdminSessionRow.id).where(AdminSessionRow.account_id == number)))


def test_sessions_are_listed_and_ended(world):
    number, one = signed_in(world)
    others = [browser(world) for _ in range(3)]
    for other in others:
        other.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"
        sign_in(other)
    assert one.get(HOME).text.count("Firefox on Linux</td>") == 3
    first = sessions(world, number)[1]
    assert one.post(f"/admin/profile/sessions/{first}/end").status_code == 303
    assert others[0].get(HOME).status_code == 302
    assert one.post("/admin/profile/sessions/end-others").status_code == 303
    assert [other.get(HOME).status_code for other in others] == [302] * 3
    assert one.get(HOME).status_code == 200
    assert len(sessions(world, number)) == 1


def test_nobody_ends_another_persons_session_here(world):
    _number, one = signed_in(world)
    other_number, other = make(world, "lee"), browser(world)
    sign_in(other, "lee")
    assert one.post(f"/admin/profile/sessions/{sessions(world, other_number)[0]}/end").status_code == 404
    assert other.get(HOME).status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140.0 Safari/537.36", "Chrome on macOS"),
        ("curl/8.5", "curl/8.5"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_in_words(agent, name):
    assert browser_name(agent) == name
