"""The page of the small lists."""

from __future__ import annotations

import html

import pytest

from addin_host.domain.access import Role
from addin_host.flows import references
from addin_host.flows.references import ListKind
from addin_host.store.models import ConferenceRow

PAGE = "/admin/lists/"


def entries(world, kind=ListKind.IVR_THEME):
    with world.database.read() as session:
        return {one.name: one.id for one in references.list_(session, kind)}


@pytest.mark.parametrize("kind", list(ListKind))
def test_an_entry_is_added_renamed_and_deleted(world, admin, kind):
    browser = admin()
    assert f"There is no {kind.label} yet" in browser.get(PAGE).text
    assert browser.post(f"{PAGE}{kind}/", {"name": " <b>Blue</b> "}, form=PAGE).status_code == 303
    assert f"The {kind.label} “<b>Blue</b>” was added." in html.unescape(browser.get(PAGE).text)
    number = entries(world, kind)["<b>Blue</b>"]
    assert browser.post(f"{PAGE}{kind}/{number}/rename", {"name": "Red"}, form=PAGE).status_code == 303
    assert entries(world, kind) == {"Red": number}
    assert browser.post(f"{PAGE}{kind}/{number}/delete", form=PAGE).status_code == 303
    assert entries(world, kind) == {}


def test_a_name_that_is_taken_is_said_at_its_box_and_keeps_what_was_typed(world, admin):
    browser = admin()
    for name in ("Blue", "Red"):
        browser.post(f"{PAGE}ivr_theme/", {"name": name}, form=PAGE)
    answer = browser.post(f"{PAGE}ivr_theme/", {"name": "Blue"}, form=PAGE)
    assert answer.status_code == 400
    assert 'id="ivr_theme-new" name="name" value="Blue"' in answer.text
    assert "The name is in use by another theme" in answer.text
    number = entries(world)["Red"]
    answer = browser.post(f"{PAGE}ivr_theme/{number}/rename", {"name": "Blue"}, form=PAGE)
    assert answer.status_code == 400
    assert f'id="ivr_theme-{number}-error"' in answer.text
    assert set(entries(world)) == {"Blue", "Red"}


def test_an_entry_in_use_stays_and_says_what_uses_it(world, admin):
    browser = admin()
    browser.post(f"{PAGE}ivr_theme/", {"name": "Blue"}, form=PAGE)
    number = entries(world)["Blue"]
    with world.database.write() as session:
        session.add(ConferenceRow(uuid="u", name="Room <1>", ivr_theme_id=number, created_at=world.clock()))
    assert "1 VMR" in browser.get(PAGE).text
    assert f"{PAGE}ivr_theme/{number}/delete" not in browser.get(PAGE).text
    browser.post(f"{PAGE}ivr_theme/{number}/delete", form=PAGE)
    assert "in use by the VMR “Room <1>”" in html.unescape(browser.get(PAGE).text)
    assert "Blue" in entries(world)


def test_unknown_lists_and_entries(world, admin):
    browser = admin()
    assert browser.post(f"{PAGE}colours/", {"name": "x"}, form=PAGE).status_code == 404
    assert browser.post(f"{PAGE}ivr_theme/99/rename", {"name": "x"}, form=PAGE).status_code == 404
    assert browser.post(f"{PAGE}ivr_theme/{10**15}/rename", {"name": "x"}, form=PAGE).status_code == 404


def test_who_may_only_look_sees_no_buttons_and_changes_nothing(world, admin):
    admin().post(f"{PAGE}ivr_theme/", {"name": "Blue"}, form=PAGE)
    for role in (Role.VIEWER, Role.OPERATOR):
        browser = admin(role)
        text = browser.get(PAGE).text
        assert "Blue" in text
        assert "/admin/lists/ivr_theme/" not in text
        assert browser.post(f"{PAGE}ivr_theme/", {"name": "x"}).status_code == 403
    assert admin(Role.INTEGRATION_ADMIN, (1,)).get(PAGE).status_code == 403
    assert set(entries(world)) == {"Blue"}
