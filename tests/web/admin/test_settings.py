"""The page of the platform settings."""

import re
from html import unescape

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.errors import Invalid, Refused
from addin_host.domain.platform import PLATFORM_FIELDS
from addin_host.flows import platform
from addin_host.store.models import AuditRow

PAGE = "/admin/settings/"


def stored(world):
    with world.database.read() as session:
        return platform.read(session)


def change(world, **values):
    with world.database.write() as session:
        platform.change(session, values, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())


def version(browser):
    return re.search(r'name="version" value="(\d+)"', browser.get(PAGE).text)[1]


def post(browser, **values):
    boxes = {"_boxes": [field.name for field in PLATFORM_FIELDS if field.kind == "bool"], "password_sign_in": "y"}
    return browser.post(PAGE, {"version": version(browser), **boxes, **values}, form=PAGE)


OIDC = {
    "admin_address": "https://admin.example.com",
    "oidc_enabled": "y",
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "id",
    "oidc_client_secret": "canary-oidc",
    "oidc_scopes": "openid",
    "oidc_role_claim": "roles",
    "oidc_button_label": "Go",
}
MAIL = {
    "alarm_email_to": "ops@example.com",
    "smtp_host": "mail.example.com",
    "smtp_port": "587",
    "smtp_security": "STARTTLS",
    "smtp_username": "me",
    "smtp_password": "canary-smtp",
    "smtp_from": "host@example.com",
}


def test_every_field_is_on_the_page_with_its_help(admin):
    text = unescape(admin().get(PAGE).text)
    for field in PLATFORM_FIELDS:
        assert f'id="field-{field.name}"' in text, field.name
        assert field.help in text, field.name
        assert f'name="{field.name}"' in text, field.name


def test_saving(world, admin):
    browser = admin()
    assert post(browser, alarm_days="7", **OIDC).status_code == 303
    found = stored(world)
    assert (found["alarm_days"], found["oidc_issuer"]) == (7, "https://login.example.com")
    assert found.secrets_set == {"oidc_client_secret"}
    text = browser.get(PAGE).text
    assert "canary-oidc" not in text
    assert "A value is set. Leave this blank to keep it." in text
    assert "https://admin.example.com/admin/signin/callback" in text
    with world.database.read() as session:
        entry = session.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
    assert entry.actor == "platform-admin-"
    assert entry.after["oidc_client_secret"] == "set anew"
    assert post(browser, **{**OIDC, "oidc_client_secret": ""}).status_code == 303
    assert stored(world).secrets_set == {"oidc_client_secret"}


def test_faults_are_named_at_the_fields_and_nothing_is_stored(world, admin):
    answer = post(admin(), alarm_days="0", signin_session_hours="many", web_proxy="proxy", oidc_enabled="y")
    assert answer.status_code == 400
    for name in ("alarm_days", "signin_session_hours", "web_proxy", "oidc_issuer", "oidc_client_secret"):
        assert f'id="{name}-error"' in answer.text, name
    assert 'value="many"' in answer.text
    assert stored(world)["oidc_enabled"] is False


def test_the_last_way_in_stays(world, admin):
    answer = post(admin(), password_sign_in="")
    assert answer.status_code == 400
    assert "is the only way in" in answer.text.replace("Is the only", "is the only")
    with pytest.raises(Invalid):
        change(world, password_sign_in=False)


def test_two_editors_do_not_overwrite_each_other(world, admin):
    browser = admin()
    seen = version(browser)
    change(world, alarm_days=8)
    answer = post(browser, version=seen, alarm_days="9", alarm_webhook_url="https://hook.example.com")
    assert answer.status_code == 409
    assert "Somebody saved these settings meanwhile" in answer.text
    assert 'value="https://hook.example.com"' in answer.text
    assert stored(world)["alarm_days"] == 8
    assert post(browser, alarm_days="9").status_code == 303
    assert stored(world)["alarm_days"] == 9


@pytest.mark.parametrize("version", ["", "x", "-1", "99"])
def test_a_form_without_its_version_is_not_saved(world, admin, version):
    assert post(admin(), version=version, alarm_days="9").status_code == 409
    assert stored(world)["alarm_days"] == 90


def test_without_scripts_switches_and_defaults_work_by_buttons(world, admin):
    browser = admin()
    assert re.search(r'id="field-oidc_issuer"[^>]* hidden>', browser.get(PAGE).text)
    answer = post(browser, _show="yes", oidc_enabled="y")
    assert not re.search(r'id="field-oidc_issuer"[^>]* hidden>', answer.text)
    answer = post(browser, _default="alarm_days", alarm_days="7")
    assert re.search(r'<input[^>]*name="alarm_days"[^>]*value="90"', answer.text)
    assert stored(world)["oidc_enabled"] is False


def test_a_secret_is_forgotten_on_demand_and_with_its_receiver(world, admin):
    browser = admin()
    assert post(browser, **MAIL).status_code == 303
    assert stored(world).secrets_set == {"smtp_password"}
    moved = {**MAIL, "smtp_password": "", "smtp_host": "evil.example.com"}
    answer = post(browser, **moved)
    assert answer.status_code == 400
    assert 'id="smtp_password-error"' in answer.text
    assert stored(world)["smtp_host"] == "mail.example.com"
    assert post(browser, **{**moved, "smtp_username": ""}).status_code == 303
    assert stored(world).secrets_set == frozenset()
    change(world, alarm_webhook_url="https://hook.example.com", alarm_webhook_secret="canary")
    assert post(browser, alarm_webhook_url="https://hook.example.com", _clear="alarm_webhook_secret").status_code == 303
    assert stored(world).secrets_set == frozenset()


def test_a_test_message_says_what_happened(world, admin):
    browser = admin()
    browser.post(f"{PAGE}test-message", form=PAGE)
    assert "No way is set up" in browser.get(PAGE).text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.INTEGRATION_ADMIN])
def test_others_are_refused(world, admin, role):
    browser = admin(role, integrations=(1,))
    assert browser.get(PAGE).status_code == 403
    with world.database.write() as session, pytest.raises(Refused, match="platform settings"):
        caller = ON_THIS_MACHINE.__class__("account", 1, "x", role)
        platform.change(session, {"alarm_days": 7}, box=world.services.box, caller=caller, now=world.clock())


def test_who_has_not_proved_who_they_are_lately_is_asked(world, admin):
    browser = admin()
    world.clock.forward(minutes=16)
    answer = browser.get(PAGE)
    assert answer.status_code == 302
    assert answer.location.startswith("/admin/confirm")
