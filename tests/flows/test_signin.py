"""The dialog's hand-over: every value is single use, short-lived and bound (security.md section 4)."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from addin_host.domain.errors import Reason, Refused
from addin_host.flows import signin
from addin_host.flows.pkce import challenge, is_challenge, new_secret
from addin_host.flows.signin import Pane
from addin_host.store.models import (
    DialogSessionRow,
    EndUserRow,
    IntegrationRow,
    PendingSignInRow,
    SignInResultRow,
)

REDIRECT = "https://vmr.example.com/api/client/v2/msexchange_schedulers/1/signin/callback"


@pytest.fixture
def world(database, clock):
    with database.write() as session:
        for number in (1, 2):
            session.add(
                IntegrationRow(
                    id=number,
                    uuid=str(number),
                    name=str(number),
                    fqdn="",
                    record={},
                    created_at=clock(),
                    updated_at=clock(),
                )
            )
        session.add(EndUserRow(id=1, uuid="u", primary_email_address="alice@example.com", created_at=clock()))
    return database


def leave(world, box, clock, pane, browser="browser"):
    with world.write() as session:
        return signin.begin(
            session, integration_id=1, pane=pane, browser=browser, redirect_uri=REDIRECT, box=box, now=clock()
        )


def come_back(world, box, clock, state, *, browser="browser", integration_id=1):
    with world.write() as session:
        return signin.take_back(
            session,
            integration_id=integration_id,
            state=state,
            browser=browser,
            redirect_uri=REDIRECT,
            box=box,
            now=clock(),
        )


def a_pane():
    verifier = new_secret()
    return verifier, Pane(challenge(verifier), "nonce-of-the-pane")


def hand_over(world, clock, pane, lifetime=timedelta(hours=8)):
    with world.write() as session:
        user = session.get(EndUserRow, 1)
        opened, _cookie = signin.open_session(session, integration_id=1, user=user, lifetime=lifetime, now=clock())
        return signin.hand_over(session, integration_id=1, pane=pane, session_id=opened.id, now=clock())


def redeem(world, clock, verifier, code, integration_id=1):
    with world.write() as session:
        return signin.redeem(session, integration_id=integration_id, verifier=verifier, code=code, now=clock())


def test_state_brings_back_what_was_remembered(world, box, clock):
    _verifier, pane = a_pane()
    pending = leave(world, box, clock, pane)
    returned = come_back(world, box, clock, pending.state)
    assert returned.pending == pending
    assert returned.pane == pane


@pytest.mark.parametrize(
    "how", [{"state": "another"}, {"state": ""}, {"browser": "another browser"}, {"browser": ""}, {"integration_id": 2}]
)
def test_a_foreign_state_is_refused(world, box, clock, how):
    pending = leave(world, box, clock, a_pane()[1])
    with pytest.raises(Refused) as refusal:
        come_back(world, box, clock, **({"state": pending.state} | how))
    assert refusal.value.reason is Reason.INVALID


def test_a_state_works_once(world, box, clock):
    pending = leave(world, box, clock, a_pane()[1])
    come_back(world, box, clock, pending.state)
    with pytest.raises(Refused, match="no longer valid"):
        come_back(world, box, clock, pending.state)


def test_a_state_lives_ten_minutes(world, box, clock):
    pending = leave(world, box, clock, a_pane()[1])
    clock.forward(minutes=10, seconds=1)
    with pytest.raises(Refused, match="no longer valid"):
        come_back(world, box, clock, pending.state)


def test_nothing_of_use_stands_in_the_database(world, box, clock):
    verifier, pane = a_pane()
    pending = leave(world, box, clock, pane)
    code = hand_over(world, clock, pane)
    with world.read() as session:
        rows = [*session.scalars(select(PendingSignInRow)), *session.scalars(select(SignInResultRow))]
        text = " ".join(str(value) for row in rows for value in vars(row).values())
    for secret in (pending.state, pending.verifier, code, verifier, "browser"):
        assert secret not in text.split()


def test_the_code_is_exchanged_once(world, clock):
    verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    found = redeem(world, clock, verifier, code)
    assert (found.bearer.user_id, found.email) == (1, "alice@example.com")
    with pytest.raises(Refused) as refusal:
        redeem(world, clock, verifier, code)
    assert refusal.value.reason is Reason.UNAUTHENTICATED


def test_polling_without_the_code_works_once_too(world, clock):
    verifier, pane = a_pane()
    assert redeem(world, clock, verifier, None) is None
    hand_over(world, clock, pane)
    assert redeem(world, clock, verifier, None).email == "alice@example.com"
    assert redeem(world, clock, verifier, None) is None


def test_whichever_channel_comes_first_consumes_the_code(world, clock):
    verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    assert redeem(world, clock, verifier, None)
    with pytest.raises(Refused):
        redeem(world, clock, verifier, code)


def test_the_code_alone_is_worth_nothing(world, clock):
    _verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    with pytest.raises(Refused):
        redeem(world, clock, new_secret(), code)


def test_a_wrong_code_does_not_spoil_the_right_one(world, clock):
    verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    with pytest.raises(Refused):
        redeem(world, clock, verifier, new_secret())
    assert redeem(world, clock, verifier, code)


def test_the_code_lives_a_minute(world, clock):
    verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    clock.forward(seconds=61)
    with pytest.raises(Refused):
        redeem(world, clock, verifier, code)


def test_the_code_is_of_one_integration(world, clock):
    verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    with pytest.raises(Refused):
        redeem(world, clock, verifier, code, integration_id=2)
    assert redeem(world, clock, verifier, None, integration_id=2) is None
    assert redeem(world, clock, verifier, code)


def test_racing_exchanges_have_one_winner(world, clock):
    verifier, pane = a_pane()
    code = hand_over(world, clock, pane)
    won, lost = [], []

    def race():
        try:
            won.append(redeem(world, clock, verifier, code))
        except Refused:
            lost.append(1)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)


def test_a_refusal_reaches_the_pane_that_polls(world, clock):
    verifier, pane = a_pane()
    with world.write() as session:
        signin.hand_refusal(session, integration_id=1, pane=pane, message="Not in the directory.", now=clock())
    with pytest.raises(Refused, match="Not in the directory") as refusal:
        redeem(world, clock, verifier, None)
    assert refusal.value.reason is Reason.FORBIDDEN


def test_a_bearer_is_renewed_while_the_session_lasts(world, clock):
    verifier, pane = a_pane()
    found = redeem(world, clock, verifier, hand_over(world, clock, pane))
    clock.forward(hours=7)
    with world.read() as session:
        assert signin.renew(session, integration_id=1, bearer=found.bearer, now=clock()).bearer == found.bearer
        with pytest.raises(Refused):
            signin.renew(session, integration_id=2, bearer=found.bearer, now=clock())
    clock.forward(hours=1, seconds=1)
    with world.read() as session, pytest.raises(Refused, match="expired"):
        signin.renew(session, integration_id=1, bearer=found.bearer, now=clock())


def test_a_revoked_session_renews_nothing(world, clock):
    verifier, pane = a_pane()
    found = redeem(world, clock, verifier, hand_over(world, clock, pane))
    with world.write() as session:
        session.delete(session.get(DialogSessionRow, found.bearer.session_id))
    with world.read() as session, pytest.raises(Refused):
        signin.renew(session, integration_id=1, bearer=found.bearer, now=clock())


def test_the_cookie_finds_its_session_at_its_integration_only(world, clock):
    with world.write() as session:
        user = session.get(EndUserRow, 1)
        opened, cookie = signin.open_session(
            session, integration_id=1, user=user, lifetime=timedelta(hours=8), now=clock()
        )
        ask = {"cookie": cookie, "now": clock()}
        assert signin.current_session(session, integration_id=1, **ask).id == opened.id
        assert signin.current_session(session, integration_id=2, **ask) is None
        assert signin.current_session(session, integration_id=1, cookie="", now=clock()) is None
        clock.forward(hours=9)
        assert signin.current_session(session, integration_id=1, cookie=cookie, now=clock()) is None


def test_sessions_are_listed_and_ended(world, clock):
    verifier, pane = a_pane()
    found = redeem(world, clock, verifier, hand_over(world, clock, pane))
    with world.write() as session:
        (one,) = signin.open_sessions(session, now=clock())
        assert (one.id, one.email, one.integration_id) == (found.bearer.session_id, "alice@example.com", 1)
        signin.end_session(session, one.id)
    with world.read() as session:
        assert signin.open_sessions(session, now=clock()) == []
        with pytest.raises(Refused, match="no session"):
            signin.end_session(session, one.id)


def test_what_has_expired_is_cleared_away(world, box, clock):
    verifier, pane = a_pane()
    leave(world, box, clock, pane)
    hand_over(world, clock, pane, lifetime=timedelta(minutes=1))
    clock.forward(hours=1)
    leave(world, box, clock, a_pane()[1])
    with world.read() as session:
        counts = [
            session.scalar(select(func.count()).select_from(table))
            for table in (PendingSignInRow, SignInResultRow, DialogSessionRow)
        ]
    assert counts == [1, 0, 0]
    assert verifier


def test_challenges_have_one_form():
    assert is_challenge(challenge(new_secret()))
    assert not any(map(is_challenge, ["", "x" * 42, "x" * 44, "x" * 42 + "=", "x" * 42 + "\n"]))
    # RFC 7636, appendix B
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
