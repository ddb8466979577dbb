"""The keys of tags: made once, followed by every process, sealed like every other secret."""

import threading

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Role
from addin_host.domain.errors import Misconfigured, Refused, Upstream
from addin_host.domain.tag import find_tags
from addin_host.flows import backup, restore, rotation, tag_keys
from addin_host.flows.tag_keys import TagKeys
from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.store.models import AuditRow, ScheduledAliasRow, TagKeyRow
from addin_host.store.sealed import sealed_columns
from addin_host.store.secrets import SecretBox, create_key_file
from tests.flows.meetings import Desk, an_integration


def add(database, box, clock, caller=ON_THIS_MACHINE):
    with database.write() as session:
        return tag_keys.add(session, box=box, caller=caller, now=clock())


@pytest.fixture
def ticking(monkeypatch):
    """The monotonic clock of the module, moved by the test."""

    class Ticking:
        at = 1000.0

        def monotonic(self):
            return self.at

    made = Ticking()
    monkeypatch.setattr(tag_keys, "time", made)
    return made


def test_the_first_key_is_made_at_first_use_and_kept(database, box):
    keys = TagKeys(database, box)
    assert keys.signing() == 1
    assert len(keys.all()[1]) == 32
    assert dict(TagKeys(database, box).all()) == dict(keys.all())
    with database.read() as session:
        (row,) = session.scalars(select(TagKeyRow))
    assert keys.all()[1].hex() not in row.sealed_key
    assert box.knows(row.sealed_key)


def test_processes_that_make_the_first_key_at_once_agree(database, box):
    others = [Database(database.url.render_as_string(hide_password=False)) for _ in range(6)]
    found, start = [], threading.Barrier(len(others))

    def first_use(own):
        keys = TagKeys(own, box)
        start.wait()
        found.append((keys.signing(), keys.all()[1]))

    threads = [threading.Thread(target=first_use, args=(own,)) for own in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_new_key_signs_and_the_old_one_verifies(database, box, clock, ticking):
    keys = TagKeys(database, box)
    first = keys.all()[1]
    assert add(database, box, clock).id == 2
    assert keys.signing() == 1, "this process has not looked since"
    ticking.at += 61
    keys.follow()
    assert keys.signing() == 2
    assert keys.all()[1] == first
    with database.read() as session:
        assert [(key.id, key.signs) for key in tag_keys.listed(session)] == [(1, False), (2, True)]
        (entry,) = session.scalars(select(AuditRow))
    assert (entry.action, entry.object_name) == ("create", "Tag key 2")


def test_a_key_that_a_tag_names_is_looked_for_but_not_at_every_turn(database, box, clock, ticking):
    keys = TagKeys(database, box)
    keys.signing()
    add(database, box, clock)
    held = keys.all()
    assert 2 not in held, "looked a moment ago"
    ticking.at += 11
    assert len(held[2]) == 32
    read = []
    keys._read = lambda: read.append(1) or {}
    assert all(number not in keys.all() for number in range(3, 200))
    assert read == []


def test_tags_are_signed_while_the_database_is_away(database, box, monkeypatch):
    keys, fresh = TagKeys(database, box), TagKeys(database, box)
    keys.signing()

    def away():
        raise Upstream("The database does not answer.")

    monkeypatch.setattr(database, "read", away)
    assert keys.signing() == 1
    assert len(keys.all()[1]) == 32
    with pytest.raises(Upstream):
        fresh.signing()


def test_only_those_who_change_settings_add_keys_and_not_for_ever(database, box, clock):
    with pytest.raises(Refused, match="change the platform settings"):
        add(database, box, clock, Caller("account", 1, "ivy", Role.OPERATOR))
    add(database, box, clock)
    with database.write() as session:
        session.get(TagKeyRow, 1).id = 255
    with pytest.raises(Refused, match="as many as a tag can tell apart"):
        add(database, box, clock)


def test_a_key_opens_only_in_its_own_place(database, box, clock):
    one, two = add(database, box, clock), add(database, box, clock)
    with database.write() as session:
        session.get(TagKeyRow, two.id).sealed_key = session.get(TagKeyRow, one.id).sealed_key
    with pytest.raises(Misconfigured, match="another place"):
        TagKeys(database, box).signing()


def test_rotating_the_sealing_key_leaves_tags_as_they_are(database, tmp_path):
    path = tmp_path / "key"
    create_key_file(path)
    before = TagKeys(database, SecretBox.from_file(path)).all()[1]
    assert "tag_key.sealed_key" in {column.place for column in sealed_columns()}
    assert rotation.rotate(database, path).sealed_anew == 1
    assert TagKeys(database, SecretBox.from_file(path)).all()[1] == before


def test_a_restored_backup_still_knows_the_tags_of_before(database, box, clock, tmp_path):
    integration = an_integration(database, box, clock)
    minted = Desk(database, box, clock, integration).mint()
    with database.snapshot() as session:
        lines = list(backup.lines(session, now=clock()))
    target = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    migrate.upgrade(target)
    with target.write() as session:
        restore.restore(session, iter(lines), trial=no_trial, caller=ON_THIS_MACHINE, now=clock())
    (tag,) = find_tags(minted.tag, TagKeys(target, box).all(), is_html=False)
    with target.read() as session:
        assert [row.uuid for row in session.scalars(select(ScheduledAliasRow))] == [str(tag.uuid)] == [minted.uuid]
    target.close()


def no_trial(candidates):
    return [None] * len(candidates)
