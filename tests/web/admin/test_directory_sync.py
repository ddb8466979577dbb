"""The pages of the directory's synchronisation, and the button that tries the conference platform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.directory import User, Vmr
from addin_host.domain.errors import Misconfigured
from addin_host.flows import directory_sync, platform, vmrs
from addin_host.flows.directory_sync import Syncing
from addin_host.store.models import DirectorySyncRow
from addin_host.web.services import KEY
from tests.scheduled_rooms import book

PAGE = "/admin/directory-sync/"
ON = {"platform_sync": True, "platform_url": "https://manager.example.com", "platform_username": "me"}


class Remote:
    people = (User("p1@example.com"),)
    trouble: Exception | None = None

    def open(self, _address: Any) -> Any:
        return self

    def users(self) -> Iterator[User]:
        yield from self.people

    def vmrs(self) -> Iterator[Vmr]:
        yield Vmr("From there", "", "conference", "97531024", "", False, "p1@example.com", ("x@video.example.com",))

    def probe(self) -> None:
        if self.trouble:
            raise self.trouble


@pytest.fixture
def remote(world) -> Remote:
    found = Remote()
    with world.database.write() as session:
        wanted = {**ON, "platform_password": "canary-platform"}
        platform.change(session, wanted, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())
    world.app.extensions[KEY] = replace(
        world.services, outside=replace(world.services.outside, platforms=found), background=AtOnce()
    )
    return found


class AtOnce:
    def submit(self, _name: str, work: Any) -> None:
        work()


def syncing(world) -> Syncing:
    own = world.services
    return Syncing(own.database, own.box, own.outside, own.now, "me")


def test_without_it_the_page_says_what_to_do(admin):
    text = admin().get(PAGE).text
    assert "Switch on" in text
    assert "Synchronise now" not in text


def test_a_run_now_and_what_it_changed(world, admin, remote):
    browser = admin(Role.OPERATOR)
    assert "No run yet" in browser.get(PAGE).text
    assert browser.post(f"{PAGE}start", {}, form=PAGE).status_code == 303
    text = browser.get(PAGE).text
    assert "2 added, 0 changed, 0 removed" in text
    detail = browser.get(f"{PAGE}1/").text
    for expected in ("From there", "p1@example.com", "added"):
        assert expected in detail
    assert "97531024" not in text + detail
    assert "canary-platform" not in text + detail
    assert browser.get(f"{PAGE}99/").status_code == 404


def test_a_stopped_run_asks_before_it_removes(world, admin, remote):
    directory_sync.run(syncing(world), caller=ON_THIS_MACHINE)
    remote.people = ()
    directory_sync.run(syncing(world), caller=ON_THIS_MACHINE)
    browser = admin()
    text = browser.get(PAGE).text
    assert "more than half" in text
    assert browser.post(f"{PAGE}remove", {}, form=PAGE).status_code == 303
    assert "0 added, 0 changed, 1 removed" in browser.get(PAGE).text
    assert "Remove them all the same" not in browser.get(PAGE).text
    assert "Remove them all the same" not in browser.get(f"{PAGE}2/").text


def test_a_viewer_looks_and_does_not_start(world, admin, remote):
    browser = admin(Role.VIEWER)
    text = browser.get(PAGE).text
    assert "Synchronise now" not in text
    assert browser.post(f"{PAGE}start", {}, form="/admin/profile/").status_code == 403
    with world.database.read() as session:
        assert session.query(DirectorySyncRow).count() == 0


def test_the_platform_is_tried_from_the_settings(world, admin, remote):
    browser, settings = admin(), "/admin/settings/"
    assert browser.post(f"{settings}test-platform", {}, form=settings).status_code == 303
    assert "answers, and lets us in" in browser.get(settings).text
    remote.trouble = Misconfigured("manager.example.com refuses the user name or the password.")
    browser.post(f"{settings}test-platform", {}, form=settings)
    assert "refuses the user name" in browser.get(settings).text


def test_a_vmr_says_where_it_comes_from(world, admin, remote):
    directory_sync.run(syncing(world), caller=ON_THIS_MACHINE)
    with world.database.write() as session:
        synced = vmrs.named(session, "From there").id
        booked = book(session, "100200", [world.clock()], now=world.clock())
    browser = admin()
    assert "comes from the conference platform" in browser.get(f"/admin/vmrs/{synced}/").text
    text = browser.get(f"/admin/vmrs/{booked.conference_id}/").text
    assert "belongs to a meeting" in text
    assert f'href="/admin/conferences/{booked.meeting_id}/"' in text
    assert "Weekly 100200" not in browser.get("/admin/vmrs/").text


def test_the_assigned_aliases_stay_on_the_page_too(world, admin):
    with world.database.write() as session:
        booked = book(session, "100200", [world.clock()], now=world.clock())
    page = f"/admin/vmrs/{booked.conference_id}/edit"
    browser = admin()
    form = {"name": "Weekly 100200", "service_type": "conference", "non_idp_participants": "disallow_all"}
    form |= {"description": "Scheduled Conference booked by alice@example.com", "tag": f"sched:{booked.uuid}"}
    answer = browser.post(page, {**form, "aliases": "100200", "version": "1"}, form=page)
    assert answer.status_code == 409
    assert "was given to a meeting" in answer.text
    both = f"{booked.alias}\n{booked.numeric_alias}\nextra@video.example.com"
    assert browser.post(page, {**form, "aliases": both, "version": "1"}, form=page).status_code == 302
    delete = f"/admin/vmrs/{booked.conference_id}/delete"
    assert "next update of it is declined" in browser.get(delete).text
    assert browser.post(delete, {}, form=delete).status_code == 302
