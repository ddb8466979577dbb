"""The pages of users and VMRs, as administrators of each role see them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.flows import users, vmrs
from addin_host.store.models import AdminSessionRow, AuditRow, ConferenceRow, EndUserRow

HOST_PIN, GUEST_PIN = "73910264", "64019375"


@pytest.fixture
def canary(world) -> int:
    """A VMR whose PINs must show up nowhere."""
    values = {
        "name": "Canary room",
        "pin": HOST_PIN,
        "guest_pin": GUEST_PIN,
        "allow_guests": True,
        "primary_owner_email_address": "alice@example.com",
        "aliases": ["canary@vmr.example.com", "4711"],
    }
    with world.database.write() as session:
        return vmrs.save(session, None, values, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock()).id


@pytest.fixture
def alice(world) -> int:
    values = {"primary_email_address": "alice@example.com", "display_name": "Alice Example"}
    with world.database.write() as session:
        return users.save(session, None, values, caller=ON_THIS_MACHINE, now=world.clock()).id


def actions(world):
    with world.database.read() as session:
        return session.scalars(select(AuditRow.action).order_by(AuditRow.id)).all()


def long_after(world, admin):
    """The administrator proved who they are a while ago."""
    with world.database.write() as session:
        row = session.scalar(select(AdminSessionRow).where(AdminSessionRow.account_id == admin.account_id))
        row.confirmed_at = world.clock() - timedelta(minutes=16)


def test_the_list_finds_by_name_owner_and_alias_and_keeps_the_words(canary, admin):
    viewer = admin(Role.VIEWER)
    for words in ("canary", "ALICE@", "4711", "room canary"):
        page = viewer.get("/admin/vmrs/", query_string={"q": words}).text
        assert f"/admin/vmrs/{canary}/" in page, words
        assert f'value="{words}"' in page
    assert "Nothing has “nowhere”" in viewer.get("/admin/vmrs/?q=nowhere").text


def test_pages_of_a_long_list_go_forth_and_back(world, admin):
    with world.database.write() as session:
        for number in range(60):
            session.add(ConferenceRow(uuid=f"u{number}", name=f"Corridor {number:02}", created_at=world.clock()))
    viewer = admin(Role.VIEWER)

    def shown(path):
        page = viewer.get(path).text
        names = [f"Corridor {number:02}" for number in range(60) if f">Corridor {number:02}<" in page]
        links = {
            rel: page.split(f'rel="{rel}" href="')[1].split('"')[0]
            for rel in ("prev", "next")
            if f'rel="{rel}"' in page
        }
        return names, {rel: "/admin/vmrs/" + link.replace("&amp;", "&") for rel, link in links.items()}

    first, links = shown("/admin/vmrs/?q=corridor")
    assert first == [f"Corridor {number:02}" for number in range(25)]
    assert set(links) == {"next"}
    second, links = shown(links["next"])
    third, last = shown(links["next"])
    assert second + third == [f"Corridor {number:02}" for number in range(25, 60)]
    assert set(last) == {"prev"}
    again, links = shown(last["prev"])
    assert again == second
    assert shown(links["prev"])[0] == first
    down, links = shown("/admin/vmrs/?q=corridor&sort=-name")
    assert down == [f"Corridor {number:02}" for number in range(35, 60)]
    assert shown(links["next"])[0] == [f"Corridor {number:02}" for number in range(10, 35)]


def test_an_address_that_makes_no_sense_shows_the_first_page(canary, admin):
    viewer = admin(Role.VIEWER)
    for query in (
        "after=x",
        "after=~",
        "before=99999999999999999999~x",
        "size=7",
        "size=x",
        "sort=up",
        "q=%00a",
        "after=1~%00",
    ):
        assert viewer.get(f"/admin/vmrs/?{query}").status_code == 200, query


def test_a_vmr_is_created_changed_and_deleted(world, admin):
    operator = admin(Role.OPERATOR)
    form = {"name": "New room", "pin": HOST_PIN, "aliases": "new@x.com\nnew2@x.com", "service_type": "lecture"}
    saved = operator.post("/admin/vmrs/new", form)
    assert saved.status_code == 302, saved.text
    with world.database.read() as session:
        row = vmrs.named(session, "New room")
        vmr, version, sealed = row.id, row.version, row.sealed_pin
        assert [alias.alias for alias in row.aliases] == ["new@x.com", "new2@x.com"]
    edit = f"/admin/vmrs/{vmr}/edit"
    page = operator.get(edit).text
    assert "It is set; leave blank to keep it." in page and HOST_PIN not in page
    changed = {**form, "pin": "", "name": "Newer room", "version": str(version)}
    assert operator.post(edit, changed).status_code == 302
    with world.database.read() as session:
        assert vmrs.named(session, "Newer room").sealed_pin == sealed
    stale = operator.post(edit, {**changed, "description": "Typed by me", "pin": "135790"})
    assert stale.status_code == 409
    assert "Somebody else changed this VMR" in stale.text and 'value="Typed by me"' in stale.text
    assert "Not kept: type it again before you save." in stale.text and "135790" not in stale.text
    assert f'name="version" value="{version + 1}"' in stale.text
    assert operator.post(edit, {**changed, "version": str(version + 1), "clear_pin": "on"}).status_code == 302
    with world.database.read() as session:
        assert vmrs.get(session, vmr).sealed_pin is None
    page = operator.get(f"/admin/vmrs/{vmr}/delete").text
    assert "Newer room" in page and "new2@x.com" in page
    assert operator.post(f"/admin/vmrs/{vmr}/delete").location == "/admin/vmrs/"
    assert operator.get(f"/admin/vmrs/{vmr}/").status_code == 404
    assert actions(world)[-4:] == ["create", "change", "change", "delete"]


def test_a_refused_form_says_why_and_keeps_all_but_the_pins(canary, admin):
    answer = admin().post(
        "/admin/vmrs/new",
        {"name": "Canary room", "description": "Kept words", "pin": "99887766", "aliases": "CANARY@vmr.example.com"},
    )
    assert answer.status_code == 400
    assert "A VMR named" in answer.text and "belongs to the VMR" in answer.text
    assert "Kept words" in answer.text and "99887766" not in answer.text


def test_no_page_shows_a_pin_but_the_look_that_is_written_down(world, canary, alice, admin):
    platform = admin()
    paths = (
        "",
        "?q=canary",
        f"{canary}/",
        f"{canary}/edit",
        f"{canary}/delete",
        f"{canary}/pins",
        "export",
        f"?q={HOST_PIN}",
    )
    for path in paths:
        text = platform.get(f"/admin/vmrs/{path}").text
        assert GUEST_PIN not in text, path
        assert HOST_PIN not in text.replace(f"q={HOST_PIN}", "").replace(f'value="{HOST_PIN}"', "").replace(
            f"“{HOST_PIN}”", ""
        ), path
    for path in ("/admin/users/", f"/admin/users/{alice}/", "/admin/imports/", "/admin/audit/"):
        assert HOST_PIN not in platform.get(path).text, path
    for path in ("/admin/vmrs/export.csv", "/admin/users/export.csv"):
        assert HOST_PIN not in platform.post(path).text, path
    before = actions(world)
    shown = platform.post(f"/admin/vmrs/{canary}/pins")
    assert HOST_PIN in shown.text and GUEST_PIN in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert actions(world)[len(before) :] == ["look at PINs"]


@pytest.mark.parametrize("path", ["/admin/vmrs/{}/pins", "/admin/vmrs/export-with-pins"])
def test_pins_are_for_those_who_may_and_have_proved_it_lately(world, canary, admin, path):
    path = path.format(canary)
    for role in (Role.VIEWER, Role.OPERATOR, Role.INTEGRATION_ADMIN):
        assert admin(role).post(path).status_code == 403, role
    platform = admin()
    long_after(world, platform)
    answer = platform.post(path)
    assert answer.status_code == 302 and answer.location.startswith("/admin/confirm?next=")
    assert "look at PINs" not in actions(world) and "export with PINs" not in actions(world)


def test_an_export_with_pins_can_be_imported_again_and_is_written_down(world, canary, admin):
    answer = admin().post("/admin/vmrs/export-with-pins")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    found = next(row for row in rows if row["name"] == "Canary room")
    assert (found["pin"], found["guest_pin"], found["aliases"]) == (HOST_PIN, GUEST_PIN, "canary@vmr.example.com;4711")
    assert actions(world)[-1] == "export with PINs"


def test_a_long_export_has_its_headings_once(world, admin):
    with world.database.write() as session:
        for number in range(1201):
            name = f"person{number}@example.com"
            session.add(EndUserRow(uuid=name, primary_email_address=name, created_at=world.clock()))
    rows = list(
        csv.DictReader(io.StringIO(admin(Role.VIEWER).post("/admin/users/export.csv").data.decode("utf-8-sig")))
    )
    assert [row["primary_email_address"] for row in rows][-1201:] == [f"person{n}@example.com" for n in range(1201)]


def test_users_are_created_changed_released_and_deleted(world, admin):
    operator = admin(Role.OPERATOR)
    form = {"primary_email_address": "carol@example.com", "display_name": "Carol", "title": "Dr"}
    assert operator.post("/admin/users/new", form).status_code == 302
    assert operator.post("/admin/users/new", form).status_code == 400
    with world.database.read() as session:
        carol = users.at(session, "carol@example.com").id
    assert operator.post(f"/admin/users/{carol}/edit", {**form, "title": ""}).status_code == 302
    assert "Carol" in operator.get("/admin/users/?q=caro").text
    assert operator.post(f"/admin/users/{carol}/release").status_code == 302
    assert "carol@example.com" in operator.get(f"/admin/users/{carol}/delete").text
    assert operator.post(f"/admin/users/{carol}/delete").status_code == 302
    assert operator.get(f"/admin/users/{carol}/").status_code == 404
    assert actions(world)[-4:] == ["create", "change", "release sign-in", "delete"]


def test_the_page_of_a_user_shows_the_vmrs_and_the_sign_in(world, canary, admin):
    world.bearer()  # Alice signs in at the pane
    with world.database.read() as session:
        alice = users.at(session, "alice@example.com").id
    page = admin(Role.VIEWER).get(f"/admin/users/{alice}/").text
    assert "Canary room" in page and "An account is bound" in page
    assert "Release" not in page
    assert "Release the sign-in" in admin(Role.OPERATOR).get(f"/admin/users/{alice}/").text


def test_who_may_only_look_is_offered_no_change(canary, admin):
    viewer = admin(Role.VIEWER)
    for path in ("/admin/vmrs/", f"/admin/vmrs/{canary}/", "/admin/users/"):
        page = viewer.get(path).text
        assert "/edit" not in page and "/delete" not in page and "Show PINs" not in page, path
    for path in ("/admin/vmrs/new", f"/admin/vmrs/{canary}/edit", "/admin/imports/", "/admin/users/new"):
        assert viewer.get(path).status_code == 403, path
