import secrets
from collections import Counter

from addin_host.domain.alias import AliasPattern, DrawnAlias, draw_alias, is_alias, sort_aliases


def test_each_alias_is_of_exactly_one_kind_in_the_directorys_order():
    lists = sort_aliases(["alice", "880101", "alice@vmr.example.com", "alice.room", "007", "bob@vmr.example.com"])
    assert lists.domain == ("alice@vmr.example.com", "bob@vmr.example.com")
    assert lists.numeric == ("880101", "007")
    assert lists.other == ("alice", "alice.room")
    assert lists.all == ("alice", "880101", "alice@vmr.example.com", "alice.room", "007", "bob@vmr.example.com")


def test_only_ascii_digits_can_be_dialled():
    assert sort_aliases(["٤٢", "42"]).numeric == ("42",)


def test_an_at_sign_without_a_domain_is_not_a_domain_alias():
    lists = sort_aliases(["alice@", "@", "@example.com"])
    assert lists.domain == ()
    assert lists.other == ("alice@", "@", "@example.com")


def test_the_address_that_is_shown():
    assert sort_aliases(["1", "a", "a@b"]).preferred == "a@b"
    assert sort_aliases(["1", "a"]).preferred == "a"
    assert sort_aliases(["1"]).preferred == "1"
    assert sort_aliases([]).preferred == ""


def test_characters():
    assert is_alias("Alice.Room_1+2-3@vmr.example.com")
    assert not any(map(is_alias, ["", "a b", "a<b", 'a"b', "ä", "a" * 251, "a/b"]))


def test_a_drawn_alias_is_padded_and_has_its_domain(monkeypatch):
    monkeypatch.setattr("secrets.randbelow", lambda space: 42 if space == 10**15 else -1)
    drawn = draw_alias(AliasPattern("80", 15, "vmr.example.com"))
    assert drawn == DrawnAlias(42, "80000000000000042", "80000000000000042@vmr.example.com")


def test_numbers_are_drawn_evenly():
    """Chi-square over 100,000 draws: buckets, each digit, and digits beside each other.

    Each bound is what chance exceeds once in fifty million runs (Wilson and Hilferty's approximation, z = 5.5), so
    that nobody is woken for nothing; a generator that is off by a hundredth of what matters exceeds them by far.
    """
    numbers = [draw_alias(AliasPattern("", 6, "x")).numeric for _time in range(100_000)]
    assert {len(number) for number in numbers} == {6}
    counts = {
        "buckets of a thousand": (Counter(number[:3] for number in numbers), 1000),
        "last three digits": (Counter(number[3:] for number in numbers), 1000),
        **{f"digit {at}": (Counter(number[at] for number in numbers), 10) for at in range(6)},
        **{f"digits {at} and {at + 1}": (Counter(number[at : at + 2] for number in numbers), 100) for at in range(5)},
    }
    for name, (found, cells) in counts.items():
        assert chi_square(found, cells, len(numbers)) < bound(cells - 1), name


def chi_square(found, cells, drawn):
    expected = drawn / cells
    return sum((number - expected) ** 2 for number in found.values()) / expected + (cells - len(found)) * expected


def bound(freedom, z=5.5):
    part = 2 / (9 * freedom)
    return freedom * (1 - part + z * part**0.5) ** 3


def test_an_uneven_generator_would_be_noticed():
    numbers = [f"{secrets.randbelow(2**17) % 100_000:06}" for _time in range(100_000)]
    found = Counter(number[1:4] for number in numbers)
    assert chi_square(found, 1000, len(numbers)) > bound(999)
