"""Importing a file in the browser: examined, confirmed, carried out in the background."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from addin_host.domain.access import Role
from addin_host.flows import directory, vmrs
from addin_host.flows.cleaning import clean
from addin_host.store.models import AuditRow, ConferenceRow, ImportJobRow

PIN = "73910264"
GOOD = f"name,pin,owner,aliases\nNorth,{PIN},alice@example.com,north@x.com\nSouth,,,south@x.com\n"
BAD = f"name,pin,aliases\nNorth,12,a b\n,{PIN},\nSouth,abc,!\n"


@pytest.fixture
def operator(admin):
    return admin(Role.OPERATOR)


def hand_in(browser, content, name="vmrs.csv", kind="vmrs"):
    data = content.encode() if isinstance(content, str) else content
    return browser.post("/admin/imports/", {"file": (io.BytesIO(data), name), "kind": kind})


def settled(browser, path):
    """Wait until the background has come to its end; returns the page."""
    for _ in range(1200):
        found = browser.get(f"{path}state").json
        if not found["busy"]:
            return browser.get(path).text
        time.sleep(0.05)
    raise AssertionError(f"still {found}")


def job(world) -> ImportJobRow:
    with world.database.read() as session:
        return session.scalars(select(ImportJobRow).order_by(ImportJobRow.id.desc())).first()


def count(world) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(ConferenceRow))


def test_a_file_is_examined_and_then_imported(world, operator):
    before = count(world)
    path = hand_in(operator, GOOD).location
    page = settled(operator, path)
    assert "Import 2 rows" in page and "2 new, 0 changed" in page
    assert "north@x.com" in page and PIN not in page
    assert count(world) == before
    assert PIN not in job(world).sealed_content
    assert operator.post(f"{path}start").status_code == 302
    page = settled(operator, path)
    assert "imported" in page and "2 new, 0 changed" in page
    assert count(world) == before + 2
    assert (job(world).state, job(world).sealed_content) == ("done", None)
    with world.database.read() as session:
        assert vmrs.named(session, "North").sealed_pin is not None
        entry = session.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
    assert (entry.action, entry.object_name, entry.after) == ("import", "vmrs.csv", {"VMRs created": 2})
    assert operator.post(f"{path}start").status_code == 409
    assert operator.post(f"{path}cancel").status_code == 409


def test_rows_at_fault_are_shown_and_downloaded_without_their_values(world, operator):
    before = count(world)
    path = hand_in(operator, BAD).location
    page = settled(operator, path)
    assert "The file has rows at fault" in page and re.search(r"Rows at fault</dt><dd>3<", page)
    assert PIN not in page and "Import " + "3" not in page
    report = operator.get(f"{path}report.csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(report)))
    assert {(row["row"], row["column"]) for row in rows} >= {
        ("2", "pin"),
        ("3", "name"),
        ("4", "pin"),
        ("4", "aliases"),
    }
    assert PIN not in report
    assert count(world) == before
    assert job(world).sealed_content is None


def test_what_is_no_directory_file_is_refused_with_a_reason(world, operator):
    for content, name, kind, words in (
        ("x", "vmrs.xlsx", "vmrs", "ends with .csv or .json"),
        ("", "vmrs.csv", "vmrs", "The file is empty"),
        ("x", "vmrs.csv", "rooms", "Choose what the file holds"),
    ):
        answer = hand_in(operator, content, name, kind)
        assert answer.status_code == 400 and words in answer.text, name
    for content, words in (
        (b"name\n\xff\xfe\n", "not in UTF-8"),
        (f"{PIN},x\n", "The column number 1 is not known"),
        ('name\n"unfinished\n', "not usable CSV"),
    ):
        page = settled(operator, hand_in(operator, content).location)
        assert words in page and PIN not in page, words
    page = settled(operator, hand_in(operator, "{", "all.json").location)
    assert "usable JSON" in page or "not JSON" in page


def test_a_heading_that_may_be_a_pin_stands_nowhere_in_the_report(operator):
    path = hand_in(operator, f"{PIN},name\n").location
    settled(operator, path)
    assert PIN not in operator.get(f"{path}report.csv").text


def test_users_and_json(world, operator):
    settled(operator, path := hand_in(operator, "primary_email_address\nzoe@example.com\n", "u.csv", "users").location)
    operator.post(f"{path}start")
    settled(operator, path)
    with world.database.read() as session:
        assert [line.primary_email_address for line in directory.list_users(session, search="zoe", limit=5)] == [
            "zoe@example.com"
        ]
    page = settled(operator, hand_in(operator, '{"users": [], "conferences": [{"name": "J"}]}', "all.json").location)
    assert "Import 1 row<" in page


def test_a_change_shows_before_and_after_and_pins_as_words(world, operator):
    for content in (GOOD, "name,description,pin\nNorth,Words,99998888\nSouth,,\n"):
        path = hand_in(operator, content).location
        page = settled(operator, path)
        operator.post(f"{path}start")
        settled(operator, path)
    assert "0 new, 1 changed, 1 unchanged" in page
    assert "<code>description</code>" in page and "Words" in page and "<code>pin</code>" in page
    assert "99998888" not in page


def test_nothing_to_import_is_said(operator):
    path = hand_in(operator, GOOD).location
    settled(operator, path)
    operator.post(f"{path}start")
    settled(operator, path)
    assert "There is nothing to import" in settled(operator, hand_in(operator, GOOD).location)


def test_a_discarded_file_is_forgotten(world, operator):
    path = hand_in(operator, GOOD).location
    settled(operator, path)
    operator.post(f"{path}cancel")
    assert (job(world).state, job(world).sealed_content) == ("cancelled", None)
    assert "It was cancelled" in operator.get(path).text
    assert operator.post(f"{path}start").status_code == 409


def test_a_job_that_is_silent_is_shown_as_broken_off(world, operator):
    path = hand_in(operator, GOOD).location
    settled(operator, path)
    with world.database.write() as session:
        session.scalars(select(ImportJobRow)).one().state = "running"
    assert "broken off" not in operator.get(path).text
    world.clock.forward(minutes=3)
    assert "broken off" in operator.get(path).text
    assert operator.get(f"{path}state").json["busy"] is False
    assert operator.post(f"{path}cancel").status_code == 302
    assert job(world).sealed_content is None


def test_files_that_nobody_came_back_for_are_not_kept(world, operator):
    settled(operator, hand_in(operator, GOOD).location)
    with world.database.write() as session:
        session.scalars(select(ImportJobRow)).one().updated_at = world.clock() - timedelta(days=2)
        clean(session, now=world.clock())
    with world.database.read() as session:
        first = session.scalars(select(ImportJobRow).order_by(ImportJobRow.id)).first()
    assert (first.state, first.sealed_content) == ("cancelled", None)


def test_the_page_shows_progress_without_a_script(world, operator):
    path = hand_in(operator, GOOD).location
    settled(operator, path)
    with world.database.write() as session:
        row = session.scalars(select(ImportJobRow)).one()
        row.state, row.done_records, row.all_records = "waiting", 1000, 4000
    page = operator.get(path).text
    assert 'http-equiv="refresh"' in page and "1,000 of 4,000 rows" in page


def test_an_unknown_import(operator):
    for path in ("/admin/imports/4711/", "/admin/imports/4711/state", "/admin/imports/4711/report.csv"):
        assert operator.get(path).status_code == 404
