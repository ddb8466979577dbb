"""The pages of integrations: list, form, lock, secrets, copy, switch, delete, export, and who may do what."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.fields import BY_NAME, FIELDS
from addin_host.flows import integrations, references
from addin_host.flows.references import ListKind
from addin_host.store.models import AlarmRow, AuditRow, IntegrationRow, MeetingRow
from tests.booked_rooms import book
from tests.web.admin_browser import Admin, MakeAdmin
from tests.web.conftest import World
from tests.web.integration_posts import full_record, posted

FORM = "/admin/integrations/1/"
SECRETS = [field.name for field in FIELDS if field.is_secret and field.is_editable]


def record(world: World, number: int = 1) -> dict[str, Any]:
    with world.database.read() as session:
        row = integrations.find(session, number)
        return {**row.record, "version": row.version}


def secret(world: World, name: str, number: int = 1) -> str:
    with world.database.read() as session:
        return integrations.secret(session, number, name, box=world.services.box)


def send(browser: Admin, world: World, path: str = FORM, **changes: Any) -> Any:
    """Send the form of integration 1 as it is stored, with changes; a value of None leaves the field out."""
    stored = record(world)
    form = posted(stored | {"version": stored["version"]}, version=stored["version"])
    for name, value in changes.items():
        if value is None:
            form.poplist(name)
        else:
            form.setlist(name, value if isinstance(value, list) else [value])
    return browser.post(path, form.to_dict(flat=False), form=FORM)


def audited(world: World) -> list[AuditRow]:
    with world.database.read() as session:
        return list(session.scalars(select(AuditRow).order_by(AuditRow.id)))


def test_the_list_is_searched_sorted_and_counts_alarms(admin: MakeAdmin, world: World) -> None:
    with world.database.write() as session:
        one = {"name": "x", "level": "error", "details": "", "raised_at": world.clock()}
        session.add(AlarmRow(identifier="a", open_key="a:1", integration_id=1, **one))
    browser = admin()
    page = browser.get("/admin/integrations/").text
    assert page.index(">Development<") < page.index(">Sales<")
    assert "1 open" in page
    by_host = browser.get("/admin/integrations/?sort=host").text
    assert 'aria-sort="ascending"><a href="?q=&amp;sort=host"' in by_host
    found = browser.get("/admin/integrations/?q=DEV.exam").text
    assert ">Development<" in found
    assert ">Sales<" not in found
    assert "Nothing has “zzz” in its name or host" in browser.get("/admin/integrations/?q=zzz").text


def test_an_empty_list_says_what_to_do_first(admin: MakeAdmin, world: World) -> None:
    with world.database.write() as session:
        for number in (1, 2):
            integrations.delete(session, number, caller=ON_THIS_MACHINE, now=world.clock())
    assert "Create the first one" in admin().get("/admin/integrations/").text
    assert "Ask a platform administrator" in admin(Role.VIEWER).get("/admin/integrations/").text


def test_a_new_integration_needs_three_entries(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    page = browser.get("/admin/integrations/new")
    assert page.status_code == 200
    fresh = posted({field.name: field.default for field in FIELDS})
    fresh["name"], fresh["addin_server_domain"] = "Oslo", "oslo.example.com"
    refused = browser.post("/admin/integrations/new", fresh.to_dict(flat=False), form="/admin/integrations/new")
    assert refused.status_code == 400
    assert "entries need another look" in refused.text
    assert 'value="Oslo"' in refused.text
    whole = posted(full_record(name="Oslo", addin_server_domain="oslo.example.com"))
    done = browser.post("/admin/integrations/new", whole.to_dict(flat=False), form="/admin/integrations/new")
    assert done.status_code == 303
    assert record(world, 3)["name"] == "Oslo"
    assert browser.get(done.location).text.count("Oslo is saved") == 1
    entry = audited(world)[-1]
    assert (entry.action, entry.actor_kind, entry.object_name) == ("create", "account", "Oslo")
    assert entry.after["password"] == "set"


def test_no_secret_is_ever_in_a_page(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    typed = {name: f"canary-{name}" for name in SECRETS}
    with world.database.read() as session:
        before = integrations.existing_of(integrations.find(session, 1))
    draft = integrations.prepare(full_record() | typed, before=before, trial=lambda found: [None] * len(found))
    with world.database.write() as session:
        integrations.save(
            session,
            draft,
            expected_version=None,
            caller=ON_THIS_MACHINE,
            box=world.services.box,
            now=world.clock(),
        )
    for path in ("/admin/integrations/", FORM, f"{FORM}export.json", f"{FORM}delete"):
        assert "canary" not in browser.get(path).text, path
    answers = [
        send(browser, world, name="", **typed),
        send(browser, world, _show="yes", **typed),
        send(browser, world, _default="api_scope", **typed),
        send(browser, world, version="0", **typed),
    ]
    assert [answer.status_code for answer in answers] == [400, 200, 200, 409]
    for answer in answers:
        assert "canary" not in answer.text
        assert answer.text.count("Not kept: type it again before you save.") == len(SECRETS)
    assert "canary" not in str([(entry.before, entry.after) for entry in audited(world)])


def test_a_blank_secret_is_kept_and_a_ticked_box_forgets_it(admin: MakeAdmin, world: World) -> None:
    browser, name = admin(), "personal_vmr_oauth_client_secret"
    page = browser.get(FORM).text
    assert "A value is set. Leave this blank to keep it." in page
    assert send(browser, world).status_code == 303
    assert secret(world, name) == "canary-client-secret"
    assert send(browser, world, **{name: "retyped"}).status_code == 303
    assert secret(world, name) == "retyped"
    assert (audited(world)[-1].before[name], audited(world)[-1].after[name]) == ("set", "set anew")
    refused = send(browser, world, _clear=name)
    assert refused.status_code == 400
    assert f'id="{name}-error"' in refused.text
    assert send(browser, world, _clear=name, auth_provider="ADFS", **_adfs()).status_code == 303
    assert secret(world, name) == ""
    assert audited(world)[-1].after[name] == "cleared"


def _adfs() -> dict[str, str]:
    return {"personal_vmr_adfs_relying_party_trust_identifier": "https://vmr.example.com/personal"}


def test_a_second_editor_is_told_what_changed_and_saves_knowingly(admin: MakeAdmin, world: World) -> None:
    first, second = admin(), admin(Role.INTEGRATION_ADMIN, (1,))
    seen = str(record(world)["version"])
    other = {
        "addin_pane_title": "Theirs",
        "description": "Theirs too",
        "personal_vmr_oauth_client_secret": "canary-new",
    }
    assert send(second, world, **other).status_code == 303
    late = send(
        first,
        world,
        version=seen,
        addin_pane_title="Mine",
        description="",
        addin_pane_description="<b>Also mine</b>",
        addin_server_domain="mine.example.com",
    )
    assert late.status_code == 409
    assert "Somebody saved this meanwhile" in late.text
    assert "Theirs" in late.text
    assert "You typed something else, which saving again stores" in late.text
    assert "canary" not in late.text
    assert record(world)["addin_pane_title"] == "Theirs"
    # What was typed stands in the form; what was left alone has the new value, and so has the version.
    assert re.search(r'id="addin_pane_title"[^>]*>\s*Mine<', late.text)
    assert 'value="mine.example.com"' in late.text
    assert 'value="Theirs too"' in late.text
    version = record(world)["version"]
    assert f'name="version" value="{version}"' in late.text
    assert send(first, world, version=str(version), addin_pane_title="Mine").status_code == 303
    assert record(world)["addin_pane_title"] == "Mine"


def test_nothing_typed_is_lost_without_scripts(admin: MakeAdmin, world: World) -> None:
    browser, before = admin(), record(world)
    assert re.search(r'id="field-url"[^>]* hidden>', browser.get(FORM).text)
    shown = send(browser, world, _show="yes", enable_dynamic_vmrs="y", description="typed", meeting_buffer_before="x")
    assert shown.status_code == 200
    assert not re.search(r'id="field-url"[^>]* hidden>', shown.text)
    assert 'value="typed"' in shown.text
    assert re.search(r'id="meeting_buffer_before"[^>]* value="x"', shown.text)
    reset = send(browser, world, _default="addin_pane_title", addin_pane_title="gone", description="typed")
    assert re.search(rf'id="addin_pane_title"[^>]*>\s*{BY_NAME["addin_pane_title"].default}<', reset.text)
    assert 'value="typed"' in reset.text
    assert record(world) == before


def test_a_form_that_holds_only_some_fields_keeps_the_others(admin: MakeAdmin, world: World) -> None:
    before = record(world)
    part = {"version": str(before["version"]), "description": "only this", "_boxes": "enabled"}
    assert admin().post(FORM, part, form=FORM).status_code == 303
    after = record(world)
    assert {name for name in after if after[name] != before[name]} == {"version", "description", "enabled"}
    assert after["enabled"] is False


def test_what_should_be_known_after_a_save(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    changes = {
        "personal_vmr_location_template": "{{name}} {% if allow_guests %}{{guest_pin}}{% endif %}",
        "default_locale": "en",
        "addin_button_label": "word " * 40,
        "personal_vmr_instructions_template": "<p id='x'>{{name}}<!--[if mso]>x<![endif]--></p>",
    }
    assert send(browser, world, **changes).status_code == 303
    page = browser.get(FORM).text
    assert "Personal VMR location template: it prints a PIN" in page
    assert "Default language: Outlook expects a region" in page
    assert "Add-in button label: Outlook shows at most 125 characters" in page
    assert "Personal VMR joining instructions template: line 1, column 1: id of &lt;p&gt; is taken out" in page
    assert "it prints a PIN" not in browser.get("/admin/integrations/2/").text


def test_private_networks_and_new_hosts_ask_who_it_is(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    world.clock.forward(minutes=20)
    assert send(browser, world, description="harmless").status_code == 303
    moved = {"personal_vmr_oauth_token_endpoint": "https://elsewhere.example.com/token"}
    for delicate in ({"internal_exchange": "y"}, moved | {"personal_vmr_oauth_client_secret": "canary-x"}):
        asked = send(browser, world, description="typed before", **delicate)
        assert asked.status_code == 403
        assert "Confirm who you are, then save again" in asked.text
        assert 'value="typed before"' in asked.text
    assert record(world)["description"] == "harmless"
    fresh = admin(Role.INTEGRATION_ADMIN, (1,))
    assert send(fresh, world, internal_exchange="y").status_code == 303
    assert record(world)["internal_exchange"] is True


def test_references_are_chosen_from_the_lists(admin: MakeAdmin, world: World) -> None:
    with world.database.write() as session:
        theme = references.create(session, ListKind.IVR_THEME, "Blue", caller=ON_THIS_MACHINE, now=world.clock())
    browser = admin()
    assert f'<option value="{theme.id}">Blue</option>' in browser.get(FORM).text
    whole = full_record(ivr_theme=theme.id)
    form = posted(whole, version=record(world)["version"])
    assert browser.post(FORM, form.to_dict(flat=False), form=FORM).status_code == 303
    assert record(world)["ivr_theme"] == theme.id
    refused = send(browser, world, ivr_theme="99")
    assert refused.status_code == 400
    assert "Scheduled conference theme: names a theme that is not in the list" in refused.text
    assert "Scheduled conference theme 99 (deleted)" in refused.text


def test_a_copy_is_switched_off_and_has_no_secrets_and_no_mailbox(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    form = posted(full_record(name="Sales"), version=record(world)["version"])
    assert browser.post(FORM, form.to_dict(flat=False), form=FORM).status_code == 303
    answer = browser.post(f"{FORM}duplicate")
    page = browser.get(answer.location).text
    assert "It is switched off, and has neither secrets nor a mailbox address" in page
    copy, original = record(world, 3), record(world)
    assert copy["name"] == "Sales (copy)"
    assert copy["uuid"] != original["uuid"]
    assert copy["room_mailbox_email_address"] is None
    assert copy["enabled"] is False
    different = {"name", "uuid", "room_mailbox_email_address", "enabled", "version"}
    assert {name for name in copy if copy[name] != original[name]} == different
    with world.database.read() as session:
        assert integrations.find(session, 3).secrets == []
    assert browser.post(f"{FORM}duplicate").status_code == 303
    assert record(world, 4)["name"] == "Sales (copy 2)"


def test_switching_off_says_what_it_means(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    page = browser.post(f"{FORM}switch", {"on": "no"}, follow_redirects=True).text
    assert "Rooms that exist stay" in page
    assert record(world)["enabled"] is False
    assert browser.post(f"{FORM}switch", {"on": "yes"}).status_code == 303
    assert record(world)["enabled"] is True
    assert [entry.action for entry in audited(world)[-2:]] == ["switch off", "switch on"]


def test_deleting_names_what_is_gone_and_asks_for_the_name(admin: MakeAdmin, world: World) -> None:
    browser = admin()
    page = browser.get(f"{FORM}delete").text
    assert "Every manifest that was deployed for it stops working for good" in page
    assert "No meeting of it has a room at present" in page
    assert browser.post(f"{FORM}delete", {"typed_name": "sales"}).status_code == 400
    assert browser.post(f"{FORM}delete", {"typed_name": "Sales"}).status_code == 303
    with world.database.read() as session:
        assert session.get(IntegrationRow, 1) is None
    assert audited(world)[-1].action == "delete"
    browser.post("/admin/integrations/2/switch", {"on": "no"})
    assert browser.post("/admin/integrations/2/delete").status_code == 303


def test_deleting_offers_to_remove_the_rooms(admin: MakeAdmin, world: World) -> None:
    now, browser = world.clock(), admin()
    with world.database.write() as session:
        kept, removed = (book(session, number, "Budget", [now], now=now).id for number in (1, 2))
    page = browser.get(f"{FORM}delete").text
    assert "One meeting has a room" in page
    assert 'value="keep" checked' in page
    assert browser.post(f"{FORM}delete", {"typed_name": "Sales", "rooms": "keep"}).status_code == 303
    development = {"typed_name": "Development", "rooms": "remove"}
    assert browser.post("/admin/integrations/2/delete", development).status_code == 303
    with world.database.read() as session:
        assert session.get(MeetingRow, kept).conference_id is not None
        assert session.get(MeetingRow, removed).conference_id is None
    assert [entry.action for entry in audited(world)[-3:]] == ["delete", "remove rooms", "delete"]


def test_an_export_is_a_download_that_import_takes(admin: MakeAdmin, world: World) -> None:
    answer = admin().get(f"{FORM}export.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="integration-1.json"'
    assert answer.json["name"] == "Sales"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_only_look_sees_the_form_disabled(admin: MakeAdmin, world: World, role: Role) -> None:
    browser = admin(role)
    page = browser.get(FORM).text
    assert "<fieldset disabled>" in page
    assert "You can read these settings, but not change them" in page
    assert "save-bar" not in page
    before = record(world)
    for path in (FORM, f"{FORM}switch", f"{FORM}duplicate", f"{FORM}delete", "/admin/integrations/new"):
        assert browser.post(path, {"on": "no"}, form="/admin/integrations/").status_code == 403, path
    assert record(world) == before


def test_another_ones_integration_is_like_none(admin: MakeAdmin, world: World) -> None:
    browser = admin(Role.INTEGRATION_ADMIN, (1,))
    assert ">Development<" not in browser.get("/admin/integrations/").text
    uuid = record(world, 2)["uuid"]
    for path in ("", "export.json"):
        unknown = browser.get(f"/admin/integrations/99/{path}")
        for reference in ("2", uuid):
            foreign = browser.get(f"/admin/integrations/{reference}/{path}")
            assert foreign.status_code == unknown.status_code == 404
            assert _same(foreign.text) == _same(unknown.text)
    for path in ("", "switch"):
        answer = browser.post(f"/admin/integrations/2/{path}", {"on": "no", "name": "x"}, form=FORM)
        assert answer.status_code == 404
    assert record(world, 2)["enabled"] is True


def _same(page: str) -> str:
    """A page without its correlation id."""
    return re.sub(r"[0-9a-f-]{32,36}", "", page)
