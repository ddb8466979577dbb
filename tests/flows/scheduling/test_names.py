"""Names of rooms: clean, short enough, unlike all others, and kept where they fit."""

from __future__ import annotations

import uuid

import pytest

from addin_host.flows.scheduling.names import LONGEST, Wish, assign, cleaned, keeps
from addin_host.store.db import Database
from addin_host.store.models import ConferenceRow
from tests.conftest import Clock


def put(database: Database, clock: Clock, *names: str) -> None:
    with database.write() as session:
        for name in names:
            session.add(ConferenceRow(uuid=str(uuid.uuid4()), name=name, extra={}, created_at=clock()))


def given(database: Database, *wishes: Wish) -> list[str]:
    with database.read() as session:
        return assign(session, wishes)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Plans\r\nand more\x00", "Plans and more"),
        ("\u202eevil\u202c \u200fx\u061c", "evil x"),
        ("Team \N{FAMILY}\u200d\N{BOY}", "Team \N{FAMILY}\u200d\N{BOY}"),
        ("x" * 300, "x" * 250),
    ],
)
def test_cleaned(text: str, clean: str) -> None:
    assert cleaned(text) == clean


def test_first_comes_first(quick: Database, clock: Clock) -> None:
    put(quick, clock, "Plans")
    first, second, third = given(quick, Wish("Plans"), Wish("Plans"), Wish("Other"))
    assert third == "Other"
    assert first != second
    assert all(name[:6] == "Plans " and len(name) == 10 and name[6:].isdigit() for name in (first, second))


def test_long_names_are_cut_for_their_digits(quick: Database, clock: Clock) -> None:
    put(quick, clock, "x" * LONGEST)
    [name] = given(quick, Wish("x" * LONGEST))
    assert len(name) == LONGEST
    assert name[:-5] == "x" * 245
    assert keeps(name, "x" * LONGEST)
    assert given(quick, Wish("x" * LONGEST, name)) == [name]


def test_digits_stay_while_the_base_does(quick: Database, clock: Clock) -> None:
    put(quick, clock, "Plans", "Plans 1234")
    assert given(quick, Wish("Plans", "Plans 1234")) == ["Plans 1234"]
    assert given(quick, Wish("Plan", "Plans 1234")) == ["Plan"]
    assert not keeps("Plans 12", "Plans")
    assert not keeps("Plans 1234", "Plans 1234 x")


def test_more_digits_where_four_do_not_help(quick: Database) -> None:
    with quick.read() as session:
        [name] = assign(session, [Wish("Plans")], is_taken=lambda name: len(name) <= len("Plans 1234"))
    assert len(name) == len("Plans 123456")


def test_two_who_name_at_the_same_moment_get_two_names(database: Database, clock: Clock) -> None:
    """Nobody waits for the other, and neither is refused."""
    if database.is_sqlite:  # one writer at a time
        put(database, clock, "Plans")
        assert given(database, Wish("Plans")) != ["Plans"]
        return
    with database.write() as first, database.write() as second:
        names = [*assign(first, [Wish("Plans")] * 2), *assign(second, [Wish("Plans")] * 2)]
    assert names[0] == "Plans"
    assert len(set(names)) == 4
    assert given(database, Wish("Plans")) == ["Plans"]
