from addin_host.domain.alias import is_alias, sort_aliases


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
