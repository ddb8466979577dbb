"""Accounts and API users in the browser: who may do what, and that somebody is always left who can."""

import base64
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.flows import accounts, api_users
from addin_host.store.models import AccountRow, AdminSessionRow, ApiUserRow, AuditRow
from tests.quick_hashes import quick_hashes
from tests.web.admin.test_signin import PASSWORD, browser, make, set_up, sign_in, with_codes

__all__ = ["quick_hashes"]
pytestmark = pytest.mark.usefixtures("quick_hashes")
HOME = "/admin/accounts/"


@pytest.fixture
def root(world):
    """A platform administrator with a password, signed in; account 1."""
    make(world, "root")
    one = browser(world)
    sign_in(one, "root")
    return one


def form(**changes):
    return {"name": "kim", "display_name": "", "email": "", "role": "viewer", "enabled": "on"} | changes


def entries(world, kind):
    with world.database.read() as db:
        found = db.scalars(select(AuditRow).where(AuditRow.object_kind == kind).order_by(AuditRow.id))
        return [(row.action, row.actor, row.before, row.after) for row in found]


def test_an_account_from_the_form_to_its_first_sign_in(world, root):
    page = root.post(f"{HOME}new", form(role="integration-admin", integrations=["1"], email="kim@example.com")).text
    token = re.search(r"/admin/setup\?token=([\w-]{43})<", page)[1]
    kim = browser(world)
    assert set_up(kim, token).location == "/admin/"
    assert kim.get("/admin/accounts/").status_code == 403
    listed = root.get(HOME).text
    assert "kim" in listed
    assert "Integration administrator" in listed
    action, actor, _before, after = entries(world, "account")[-3]
    assert (action, actor) == ("create", "root")
    assert after["integrations"] == [1]
    assert token not in str(entries(world, "account"))


def test_what_is_wrong_is_named_and_kept_in_the_form(world, root):
    answer = root.post(f"{HOME}new", form(name="k:m", role="integration-admin", email="nowhere"))
    assert answer.status_code == 400
    for words in ("may hold letters", "is not an e-mail address", "Choose what this role is for"):
        assert words in answer.text
    assert 'value="k:m"' in answer.text
    assert "another account has this name" in root.post(f"{HOME}new", form(name="ROOT")).text
    assert (
        "there is no integration 77"
        in root.post(f"{HOME}new", form(role="integration-admin", integrations=["77"])).text
    )


def edit(root, number, **changes):
    return root.post(f"{HOME}{number}/", form(**changes))


def test_less_rights_end_the_sessions(world, root):
    number, kim = make(world), browser(world)
    disabled = form(role="platform-admin")
    del disabled["enabled"]
    for data in (form(role="viewer"), form(role="operator"), disabled):
        sign_in(kim)
        assert kim.get("/admin/profile/").status_code == 200
        assert root.post(f"{HOME}{number}/", data).status_code == 303
        assert kim.get("/admin/profile/").status_code == 302
    assert sign_in(kim).status_code == 401


def test_another_name_ends_nothing(world, root):
    number, kim = make(world), browser(world)
    sign_in(kim)
    assert edit(root, number, role="platform-admin", display_name="Kim").status_code == 303
    assert kim.get("/admin/profile/").status_code == 200


def test_nobody_locks_themselves_out(world, root):
    make(world, "second")
    for answer in (edit(root, 1, name="root", role="viewer"), root.post(f"{HOME}1/delete")):
        assert answer.status_code == 409
        assert "Ask another administrator" in answer.text
    data = form(name="root", role="platform-admin")
    del data["enabled"]
    assert root.post(f"{HOME}1/", data).status_code == 409
    assert root.get(HOME).status_code == 200


@pytest.mark.parametrize("act", ["delete", "demote", "disable"])
def test_the_last_one_who_can_sign_in_stays(world, admin, root, act):
    other = admin()  # a platform administrator without a password: signed in now, and never again
    data = form(name="root", role="viewer" if act == "demote" else "platform-admin")
    if act == "disable":
        del data["enabled"]
    answer = other.post(f"{HOME}1/delete") if act == "delete" else other.post(f"{HOME}1/", data)
    assert answer.status_code == 409
    assert "No platform administrator would be left" in answer.text
    with world.database.read() as db:
        row = accounts.row_of(db, 1)
        assert (row.role, row.enabled) == ("platform-admin", True)
    make(world, "second")
    answer = other.post(f"{HOME}1/delete") if act == "delete" else other.post(f"{HOME}1/", data)
    assert answer.status_code == 303


def test_a_deleted_account_is_gone_with_its_sessions(world, root):
    number, kim = make(world), browser(world)
    sign_in(kim)
    assert root.post(f"{HOME}{number}/delete").status_code == 303
    assert kim.get("/admin/profile/").status_code == 302
    with world.database.read() as db:
        assert db.get(AccountRow, number) is None
        assert db.scalars(select(AdminSessionRow).where(AdminSessionRow.account_id == number)).all() == []
    assert entries(world, "account")[-1][0] == "delete"
    assert root.get(f"{HOME}{number}/").status_code == 404


def test_a_way_back_for_who_lost_password_and_phone(world, root):
    number = make(world)
    with_codes(world, number)
    page = root.post(f"{HOME}{number}/link").text
    token = re.search(r"token=([\w-]{43})<", page)[1]
    kim = browser(world)
    assert set_up(kim, token, "another good sentence").location.startswith("/admin/signin/code?")
    assert root.post(f"{HOME}{number}/codes-off").status_code == 303
    assert sign_in(kim, password="another good sentence").location == "/admin/"


def test_links_lead_to_the_address_of_these_pages(world, root):
    from addin_host.domain.access import ON_THIS_MACHINE
    from addin_host.flows import platform

    with world.database.write() as db:
        address = {"admin_address": "https://admin.example.com"}
        platform.change(db, address, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())
    assert ">https://admin.example.com/admin/setup?token=" in root.post(f"{HOME}1/link").text


def test_sessions_of_others_are_seen_and_ended(world, root):
    number, kim = make(world), browser(world)
    sign_in(kim)
    page = root.get(f"{HOME}{number}/").text
    target = re.search(rf"{HOME}{number}/sessions/\d+/end", page)[0]
    assert root.post(target).status_code == 303
    assert kim.get("/admin/profile/").status_code == 302
    assert root.post(target).status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.INTEGRATION_ADMIN])
def test_others_manage_no_accounts(world, admin, role):
    one = admin(role, (1,) if role is Role.INTEGRATION_ADMIN else ())
    for path in (HOME, f"{HOME}new", f"{HOME}1/", "/admin/api-users/", "/admin/api-users/new"):
        assert one.get(path).status_code == 403
    for path in (f"{HOME}new", f"{HOME}1/", f"{HOME}1/delete", f"{HOME}1/link", "/admin/api-users/new"):
        assert one.post(path, form()).status_code == 403


API = "/admin/api-users/"


def api_form(**changes):
    return {"name": "terraform", "role": "platform-admin", "expires_at": "2027-11-23"} | changes


def token_of(page):
    return re.search(r'id="token"[^>]*>([\w-]{43})<', page)[1]


def ask(world, authorization, network="192.0.2.1"):
    path = "/api/admin/configuration/v1/ms_exchange_connector/"
    client = world.app.test_client()
    return client.get(
        path,
        base_url="https://127.0.0.1",
        headers={"Authorization": authorization},
        environ_overrides={"REMOTE_ADDR": network},
    )


def basic(name, token):
    return "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()


def test_an_api_user_from_the_form_to_its_end(world, root):
    assert "No API users yet" in root.get(API).text
    token = token_of(root.post(f"{API}new", api_form()).text)
    for authorization in (f"Bearer {token}", f"Token {token}", basic("terraform", token), basic("Terraform", token)):
        assert ask(world, authorization).status_code == 200, authorization
    assert token not in root.get(API).text
    assert ask(world, basic("other", token)).status_code == 401
    newer = token_of(root.post(f"{API}1/token").text)
    assert ask(world, f"Bearer {token}").status_code == 401
    assert ask(world, f"Bearer {newer}").status_code == 200
    data = api_form()
    assert root.post(f"{API}1/", data).status_code == 303  # without "enabled"
    assert ask(world, f"Bearer {newer}").status_code == 401
    root.post(f"{API}1/", data | {"enabled": "on"})
    assert ask(world, f"Bearer {newer}").status_code == 200
    assert root.post(f"{API}1/delete").status_code == 303
    assert ask(world, f"Bearer {newer}").status_code == 401
    assert [entry[0] for entry in entries(world, "api user")] == [
        "create",
        "replace token",
        "change",
        "change",
        "delete",
    ]
    assert newer not in str(entries(world, "api user"))


def test_a_token_ends_with_its_day(world, root):
    token = token_of(root.post(f"{API}new", api_form(expires_at="2026-11-24")).text)
    assert ask(world, f"Bearer {token}").status_code == 200
    world.clock.forward(days=1, hours=11, minutes=59)
    assert ask(world, f"Bearer {token}").status_code == 200
    world.clock.forward(minutes=1)
    assert ask(world, f"Bearer {token}").status_code == 401
    with world.database.read() as db:
        assert api_users.get(db, 1).state(world.clock()) == ("bad", "Expired")


def test_what_is_wrong_with_an_api_user_is_named(world, root):
    for changes, words in (
        ({"name": ""}, "is missing"),
        ({"expires_at": "tomorrow"}, "is not a day"),
        ({"expires_at": "2020-01-01"}, "is over already"),
        ({"role": "integration-admin"}, "Choose what this role is for"),
    ):
        answer = root.post(f"{API}new", api_form(**changes))
        assert answer.status_code == 400
        assert words in answer.text


def test_use_is_noted_at_most_once_a_minute(world, root):
    token = token_of(root.post(f"{API}new", api_form()).text)

    def used_at():
        with world.database.read() as db:
            return db.get(ApiUserRow, 1).used_at

    begun = world.clock()
    ask(world, f"Bearer {token}")
    world.clock.forward(seconds=40)
    ask(world, f"Bearer {token}")
    assert used_at() == begun
    world.clock.forward(seconds=20)
    ask(world, f"Bearer {token}")
    assert used_at() == begun + timedelta(minutes=1)


def test_guessing_tokens_is_slowed_by_network_and_by_name(world, root):
    token = token_of(root.post(f"{API}new", api_form()).text)
    answers = [ask(world, f"Bearer {'x' * 43}").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert ask(world, f"Bearer {token}").status_code == 429
    assert ask(world, f"Bearer {token}", "203.0.113.9").status_code == 200
    world.clock.forward(seconds=1)
    assert ask(world, f"Bearer {token}").status_code == 200
    from_everywhere = [ask(world, basic("terraform", "x"), f"10.0.{number}.1").status_code for number in range(6)]
    assert from_everywhere == [401] * 5 + [429]
    assert sign_in(browser(world), "root", PASSWORD).status_code == 303  # people are not slowed by programs
