"""The pages of the audit log."""

import json

import pytest
from sqlalchemy import delete, select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store.models import AuditRow, MarkRow


def write(world, number=1, *, integration=None, before=None, after=None):
    with world.database.write() as session:
        subject = Subject("integration", number, f"<Object> {number}", integration)
        audit.record(session, ON_THIS_MACHINE, "change", subject, now=world.clock(), before=before, after=after)


def test_an_entry_shows_what_differed(world, admin):
    old = "\n".join(f"<p>line {number}</p>" for number in range(12))
    write(world, before={"name": "Sales", "t": old}, after={"name": "<b>", "t": old.replace("line 6", "line six")})
    text = admin(Role.OPERATOR).get("/admin/audit/").text
    assert "<del>Sales</del>" in text
    assert "<ins>&lt;b&gt;</ins>" in text
    assert "taken away: </span>&lt;p&gt;line 6&lt;/p&gt;" in text
    assert "added: </span>&lt;p&gt;line six&lt;/p&gt;" in text
    assert "“&lt;Object&gt; 1”" in text
    assert "<code>name</code>" in text


@pytest.fixture(autouse=True)
def _only_what_the_test_writes(world):
    with world.database.write() as session:
        session.execute(delete(AuditRow))
        session.execute(delete(MarkRow).where(MarkRow.name == audit.HEAD))


def test_an_empty_log_says_so(admin):
    browser = admin()
    assert "No entries yet" in browser.get("/admin/audit/").text
    assert "Nothing was found" in browser.get("/admin/audit/?text=x").text


def test_pages_keep_the_filter(world, admin):
    for number in range(1, 61):
        write(world, number, after={"n": number})
    browser = admin()
    with world.database.read() as session:
        ids = session.scalars(select(AuditRow.id).order_by(AuditRow.id)).all()
    text = browser.get("/admin/audit/?action=change").text
    assert text.count('class="entry"') == 50
    assert f'rel="next" href="/admin/audit/?action=change&amp;before={ids[10]}"' in text
    text = browser.get(f"/admin/audit/?action=change&before={ids[10]}").text
    assert text.count('class="entry"') == 10
    assert f'rel="prev" href="/admin/audit/?action=change&amp;after={ids[9]}"' in text


@pytest.mark.parametrize("query", ["since=yesterday", "until=x", "integration=one"])
def test_a_filter_that_cannot_be_read_is_named(admin, query):
    assert "needs another look" in admin().get(f"/admin/audit/?{query}").text


def test_integration_administrators_see_theirs_alone(world, admin):
    write(world, 1, integration=1)
    write(world, 2, integration=2)
    browser = admin(Role.INTEGRATION_ADMIN, integrations=(2,))
    text = browser.get("/admin/audit/").text
    assert "Object&gt; 2" in text
    assert "Object&gt; 1" not in text
    answers = [browser.get(f"/admin/audit/?integration={number}") for number in (1, 99)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "Object&gt; 1" not in browser.get("/admin/audit/export?format=csv").text
    assert browser.get("/admin/audit/export?integration=1").status_code == 404


@pytest.mark.parametrize("path", ["", "export"])
def test_viewers_are_refused(admin, path):
    assert admin(Role.VIEWER).get(f"/admin/audit/{path}").status_code == 403


def test_the_files(world, admin):
    write(world, after={"name": "Ä"})
    browser = admin()
    answer = browser.get("/admin/audit/export?format=jsonl")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["after"] == {"name": "Ä"}
    assert lines[1] == {"head": lines[0]["hash"]}
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit-2026-11-23.jsonl"'
    assert answer.headers["Cache-Control"] == "no-store"
    answer = browser.get("/admin/audit/export?format=csv&since=2027-01-01")
    assert len(answer.text.splitlines()) == 2
    assert answer.content_type == "text/csv; charset=utf-8"
