"""When a room is to exist on a platform that is told beforehand."""

from datetime import UTC, datetime, timedelta

import pytest

from addin_host.domain.room_windows import Presence, presence

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(*hours: float) -> list[datetime]:
    return [NOON + timedelta(hours=one) for one in hours]


def windows(*hours: float) -> list[tuple[datetime, datetime]]:
    return list(zip(at(*hours[::2]), at(*hours[1::2]), strict=True))


@pytest.mark.parametrize(
    ("given", "is_there", "until"),
    [
        ((-1, 1), True, 1),
        ((0, 1), True, 1),
        ((1 / 60, 1), True, 1),  # it opens in a minute
        ((-1, 1, 2, 3), True, 3),
        ((2, 3, -1, 1), True, 3),
        ((-1, 1, 3.1, 4), True, 1),
        ((-2, -1, 0.5, 1), True, 1),  # between two that are close to each other
        ((-1, 1, -0.5, 0.5), True, 1),
        ((-2, 0), False, None),
        ((-3, -1), False, None),
        ((), False, None),
    ],
)
def test_a_room_stays_until_the_last_of_windows_that_follow_closely(given, is_there, until):
    assert presence(windows(*given), NOON) == Presence(is_there=is_there, until=None if until is None else at(until)[0])


def test_a_room_that_is_away_comes_two_minutes_before_its_next_window():
    assert presence(windows(5, 6, 3, 4, -4, -3), NOON) == Presence(
        is_there=False, since=at(3)[0] - timedelta(minutes=2)
    )
