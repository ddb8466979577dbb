import jwt
import pytest

from addin_host.domain.errors import Reason, Refused
from addin_host.flows import bearer
from addin_host.flows.bearer import Bearer

KEY, OLD = b"k" * 32, b"o" * 32
WHO = Bearer("user:7", "visit", user_id=7, session_id=3)


def issue(clock, **options):
    return bearer.issue(WHO, **({"integration_id": 1, "keys": [KEY], "now": clock()} | options))


def refused(token, clock, **options):
    with pytest.raises(Refused) as refusal:
        bearer.verify(token, **({"integration_id": 1, "keys": [KEY], "now": clock()} | options))
    assert refusal.value.reason is Reason.UNAUTHENTICATED
    return True


def test_it_says_who_and_which_session(clock):
    assert bearer.verify(issue(clock), integration_id=1, keys=[KEY], now=clock()) == WHO


def test_it_lives_ten_minutes(clock):
    token = issue(clock)
    clock.forward(minutes=9, seconds=59)
    assert bearer.verify(token, integration_id=1, keys=[KEY], now=clock())
    clock.forward(seconds=1)
    assert refused(token, clock)


def test_it_is_of_one_integration(clock):
    assert refused(issue(clock, integration_id=2), clock)
    assert refused(issue(clock, integration_id=11), clock)


def test_an_old_key_verifies_but_does_not_sign(clock):
    assert bearer.verify(issue(clock, keys=[OLD]), integration_id=1, keys=[KEY, OLD], now=clock()) == WHO
    assert refused(issue(clock, keys=[KEY, OLD]), clock, keys=[OLD])


def claims(clock, **changes):
    now = int(clock().timestamp())
    base = {"iss": "addin-host", "aud": "integration:1", "sub": "7", "sid": "3", "iat": now, "exp": now + 600}
    return {name: value for name, value in (base | changes).items() if value is not None}


def test_forgeries(clock):
    assert refused(jwt.encode(claims(clock), None, algorithm="none"), clock)
    assert refused(jwt.encode(claims(clock), b"x" * 32, algorithm="HS256"), clock)
    assert refused(jwt.encode(claims(clock), KEY * 2, algorithm="HS512"), clock)
    for changes in (
        {"aud": ["integration:1"]},
        {"aud": None},
        {"iss": "other"},
        {"sub": None},
        {"sid": None},
        {"exp": None},
        {"iat": None},
        {"iat": int(clock().timestamp()) + 3600, "exp": int(clock().timestamp()) + 7200},
    ):
        assert refused(jwt.encode(claims(clock, **changes), KEY, algorithm="HS256"), clock), changes
    whole = issue(clock)
    for broken in ("", "a.b.c", whole[:-2], whole + "x", whole.replace(".", ""), "eyJ" * 2000):
        assert refused(broken, clock)
