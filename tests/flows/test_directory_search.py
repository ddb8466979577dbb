"""What the search finds, over both databases, held against a plain look at every record."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import func, select, text

from addin_host.domain.directory_words import sought
from addin_host.flows import directory_search
from addin_host.flows.directory_search import USERS, VMRS, Query, find
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, EndUserRow

PIECES = ("Room", "hall", "Öster", "a@b", "1.2", "x-y", "100%", "_", "o'neil", "ZÜRICH", "é", "日本語", "ab", "z")
ASKED = (
    "room", "ROOM hall", "öster", "ÖSTER", "a@b", "1.2", "x-y", "100%", "0%", "o'neil", "zürich", "日本語", "本語",
    "ab", "z", "r", "ro", "é", "nothing", "%%%", "___", '"""', "'''", "owner7@", "owner7@example.com", "n.12", "n.12@",
    "room 1", "z room", "x" * 300, "\x00room", "a b c d e f g h i j", "\\\\\\", "room\troom", "roo oom",
)  # fmt: skip


@pytest.fixture
def small_looks(monkeypatch):
    """With few records, take every way that many records take."""
    monkeypatch.setattr(directory_search, "_FIRST_LOOK", 20)
    monkeypatch.setattr(directory_search, "_SECOND_LOOK", 40)
    monkeypatch.setattr(directory_search, "_CANDIDATES", 15)


@pytest.fixture
def records(database, clock):
    chance = random.Random(4)
    with database.write() as session:
        for number in range(300):
            name = " ".join(chance.choices(PIECES, k=2)) + f" {number}"
            row = ConferenceRow(
                uuid=f"u{number}",
                name=name,
                description=chance.choice(("", "", *PIECES)),
                primary_owner_email_address=f"Owner{number // 10}@example.com",
                created_at=clock(),
            )
            row.aliases = [ConferenceAliasRow(alias=f"N.{number}@x.com")]
            session.add(row)
    with database.read() as session:
        statement = select(ConferenceRow, ConferenceAliasRow.alias).join(ConferenceAliasRow)
        rows = session.execute(statement.order_by(func.lower(ConferenceRow.name), ConferenceRow.id)).all()
        return [(r.id, r.name, r.description, r.primary_owner_email_address, alias) for r, alias in rows]


def plainly(records, asked):
    """Return the ids that match, in order, by the rule in words."""
    wanted = sought(asked)
    if wanted is None:
        return [record[0] for record in records]

    def matches(record):
        held = [value.lower() for value in record[1:]]
        starts = [held[0], *held[2:]]  # a description is not among what a short word may begin
        first = (
            any(s.startswith(wanted.words[0]) for s in starts)
            if wanted.prefix
            else any(wanted.words[0] in h for h in held)
        )
        return first and all(any(word in h for h in held) for word in wanted.words[1:])

    return [record[0] for record in records if matches(record)]


def all_pages(database, query):
    found, after, pages = [], None, 0
    while True:
        with database.read() as session:
            page = find(session, VMRS, Query(query.search, query.size, after, query.backwards))
        found += page.ids
        pages += 1
        assert pages < 50
        if not page.more:
            return found
        after = page.last


@pytest.mark.parametrize("backwards", [False, True])
def test_every_page_of_every_search_is_what_a_plain_look_finds(database, records, small_looks, backwards):
    for asked in ("", *ASKED):
        expected = plainly(records, asked)
        if backwards:
            expected.reverse()
        assert all_pages(database, Query(asked, 7, backwards=backwards)) == expected, asked


def test_with_the_usual_looks(database, records):
    for asked in ASKED:
        assert all_pages(database, Query(asked, 25)) == plainly(records, asked), asked


def test_totals_are_exact_or_a_lower_bound(database, records, small_looks):
    for asked in ASKED:
        with database.read() as session:
            page = find(session, VMRS, Query(asked, 7))
        number = len(plainly(records, asked))
        if page.exact:
            assert page.total == number, asked
        elif page.total is not None:
            assert page.total <= number, asked


def test_the_index_follows_every_change(database, records, small_looks, clock):
    def ids(words):
        with database.read() as session:
            return find(session, VMRS, Query(words)).ids

    target = records[150][0]
    with database.write() as session:
        row = session.get(ConferenceRow, target)
        row.name, row.aliases = "Renamed qqwwee", [ConferenceAliasRow(alias="fresh.alias.9")]
    assert ids("qqwwee") == ids("fresh.alias.9") == [target]
    assert target not in ids(records[150][4])
    with database.write() as session:
        session.execute(text("DELETE FROM conference WHERE id = :id"), {"id": target})
    assert ids("qqwwee") == ids("fresh.alias.9") == []
    if database.is_sqlite:
        with database.write() as session:
            for index in ("search_conference", "search_alias", "search_user"):
                session.execute(text(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"))


def test_users_are_found_by_address_and_names(database, clock, small_looks):
    with database.write() as session:
        for number in range(60):
            address = f"person{number}@example.com"
            session.add(
                EndUserRow(
                    uuid=address,
                    primary_email_address=address,
                    first_name="Ada" if number == 55 else "Bob",
                    display_name=f"Person {number}",
                    created_at=clock(),
                )
            )
    with database.read() as session:
        ada = find(session, USERS, Query("ada")).ids
        assert len(ada) == 1
        assert find(session, USERS, Query("ad")).ids == ada
        assert find(session, USERS, Query("person55@example.com")).ids == ada
        assert find(session, USERS, Query("bob person 55")).ids == []
        assert len(find(session, USERS, Query("bob", 100)).ids) == 59


def test_postgresql_takes_the_index(database, records):
    if database.is_sqlite:
        plan_of = "EXPLAIN QUERY PLAN SELECT rowid FROM search_conference WHERE search_conference MATCH '\"roo\"'"
        expected = "VIRTUAL TABLE INDEX"
    else:
        expression = directory_search.directory_index.expression("conference")
        plan_of = f"EXPLAIN SELECT id FROM conference WHERE {expression} LIKE '%qqwwee%'"
        expected = "ix_conference_search"
    with database.write() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        assert expected in str(session.execute(text(plan_of)).all())
