"""The list of alarms: order, filter, scope, acknowledging."""

import re

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.alarms import Level
from addin_host.flows import alarms
from addin_host.store.models import AlarmRow, AuditRow
from tests.web.walks import alike

PAGE = "/admin/alarms/"


def raise_(world, identifier="check.token", integration=1, level=Level.ERROR, details="It is <b>broken</b>.", **more):
    with world.database.write() as db:
        alarms.raise_(
            db, identifier, integration_id=integration, level=level, details=details, now=world.clock(), **more
        )
        return db.scalar(select(AlarmRow.id).order_by(AlarmRow.id.desc()))


def shown(page):
    return [int(number) for number in re.findall(r'id="alarm-(\d+)"', page.text)]


@pytest.fixture
def four(world):
    """An ended one, an acknowledged one, one of integration 2, one of the deployment: in this order by age."""
    ended = raise_(world)
    with world.database.write() as db:
        alarms.clear(db, "check.token", integration_id=1, now=world.clock())
    acknowledged = raise_(world, "check.dns", level=Level.WARNING)
    with world.database.write() as db:
        alarms.acknowledge(db, acknowledged, caller=ON_THIS_MACHINE, now=world.clock())
    world.clock.forward(minutes=1)
    other = raise_(world, "check.metadata", 2, instance="<mail>")
    world.clock.forward(minutes=1)
    return {"ended": ended, "acknowledged": acknowledged, "other": other, "own": raise_(world, "messages", None)}


def test_what_stands_comes_first(four, admin):
    assert shown(admin().get(PAGE)) == [four["own"], four["other"], four["acknowledged"], four["ended"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=open", ["own", "other"]),
        ("state=acknowledged", ["acknowledged"]),
        ("state=ended", ["ended"]),
        ("level=warning", ["acknowledged"]),
        ("integration=1", ["acknowledged", "ended"]),
        ("integration=1&state=ended&level=error", ["ended"]),
        ("integration=999", []),
        ("state=nonsense&level=nonsense&integration=x&page=-1", ["own", "other", "acknowledged", "ended"]),
        ("page=99999999999", ["own", "other", "acknowledged", "ended"]),
        ("page=7", []),
    ],
)
def test_filter(four, admin, query, expected):
    assert shown(admin().get(f"{PAGE}?{query}")) == [four[name] for name in expected]


def test_an_alarm_says_what_since_when_who_and_what_to_do(world, admin):
    raise_(world, "check.certificate", details="It is <b>broken</b>.", next_step="Install <i>another</i>.")
    page = admin(Role.VIEWER).get(PAGE).text
    for words in (
        "The add-in server&#39;s certificate needs attention",
        "It is &lt;b&gt;broken&lt;/b&gt;.",
        "Install &lt;i&gt;another&lt;/i&gt;.",
        'datetime="2026-11-23T12:00:00Z"',
        "Everybody who opens the add-in.",
        'href="/admin/integrations/1/deploy"',
    ):
        assert words in page.replace('deploy/"', 'deploy"'), words
    assert "Acknowledge<" not in page


def test_integration_administrators_see_their_own(four, admin):
    two = admin(Role.INTEGRATION_ADMIN, (2,))
    page = two.get(PAGE)
    assert shown(page) == [four["other"]]
    assert "Sales" not in page.text
    assert shown(two.get(f"{PAGE}?integration=1")) == []


def test_acknowledging_is_audited_and_keeps_the_filter(world, four, admin):
    operator = admin(Role.OPERATOR)
    done = operator.post(f"{PAGE}{four['other']}/acknowledge?state=open", form=PAGE)
    assert (done.status_code, done.location) == (303, "/admin/alarms/?state=open")
    assert "is acknowledged" in operator.get(done.location).text
    assert shown(operator.get(f"{PAGE}?state=acknowledged")) == [four["other"], four["acknowledged"]]
    with world.database.read() as db:
        entry = db.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
        assert (entry.action, entry.object_kind, entry.object_id) == ("acknowledge", "alarm", str(four["other"]))
        assert entry.integration_id == 2
        before = db.scalar(select(AlarmRow.acknowledged_by).where(AlarmRow.id == four["other"]))
    operator.post(f"{PAGE}{four['other']}/acknowledge", form=PAGE)
    admin().post(f"{PAGE}{four['ended']}/acknowledge", form=PAGE)
    with world.database.read() as db:
        assert db.scalar(select(AlarmRow.acknowledged_by).where(AlarmRow.id == four["other"])) == before
        assert db.scalar(select(AlarmRow.acknowledged_at).where(AlarmRow.id == four["ended"])) is None


def test_who_may_acknowledge(four, admin):
    assert admin(Role.VIEWER).post(f"{PAGE}{four['other']}/acknowledge").status_code == 403
    own = admin(Role.INTEGRATION_ADMIN, (2,))
    texts = set()
    for number in (four["acknowledged"], four["own"], 999):
        answer = own.post(f"{PAGE}{number}/acknowledge")
        assert answer.status_code == 404
        texts.add(alike(answer.text))
    assert len(texts) == 1
    assert own.post(f"{PAGE}{four['other']}/acknowledge").status_code == 303


def test_pages(world, admin):
    for number in range(30):
        raise_(world, "check.metadata", instance=f"host-{number}")
    first = admin().get(PAGE)
    assert (len(shown(first)), "30 alarms" in first.text) == (25, True)
    assert 'rel="next" href="/admin/alarms/?page=2"' in first.text
    second = admin(Role.OPERATOR).get(f"{PAGE}?page=2&state=open")
    assert len(shown(second)) == 5
    assert 'rel="prev" href="/admin/alarms/?state=open"' in second.text


def test_no_alarms(world, admin):
    assert "No alarms" in admin().get(PAGE).text
    assert "No alarm fits" in admin(Role.OPERATOR).get(f"{PAGE}?state=ended").text


def test_the_same_trouble_is_one_alarm(world):
    first = raise_(world, instance="x" * 400)
    world.clock.forward(hours=1)
    assert raise_(world, instance="x" * 400, details="Worse.") == first
    assert raise_(world, instance="y" * 400) != first
    with world.database.read() as db:
        row = db.get(AlarmRow, first)
        assert (row.details, row.raised_at.hour) == ("Worse.", 12)
    with world.database.write() as db:
        alarms.clear(db, "check.token", integration_id=1, instance="x" * 400, now=world.clock())
    assert raise_(world, instance="x" * 400) != first
