"""POST session: identity tokens, who they name, and what the pane gets for them (security.md X7, X10, N3)."""

import logging
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from addin_host.domain.errors import Misconfigured, Reason, Refused, Upstream
from addin_host.domain.ports import Person
from addin_host.domain.redaction import redact
from addin_host.flows import bearer as bearers
from addin_host.flows.pkce import new_secret
from addin_host.flows.token_watch import PER_MINUTE
from addin_host.store.models import (
    AuditRow,
    DialogSessionRow,
    EndUserRow,
    SeenTokenRow,
    TagKeyRow,
    UsageRow,
    UserSubjectRow,
)
from tests.web.conftest import ALICE, BOB, save

ISSUER = "https://login.example.com/t/v2.0"
NAA = Person("NAA", ISSUER, "t.alice", "alice@example.com", "Alice Example")
EXCHANGE = Person("EXCHANGE", "uuid@mail.example.com/autodiscover/metadata/json/1", "alice-uid@mail", "", "")
OFF = {"enable_personal_vmrs": False}
SINGLE_USE = {
    "enable_dynamic_vmrs": True, "mailbox_protocol": "EWS", "url": "https://mail.example.com/ews/exchange.asmx",
    "authentication_method": "BASIC", "username": "svc", "password": "canary-password", "room_mailbox_name": "Rooms",
    "scheduled_alias_prefix": "77", "scheduled_alias_domain": "vmr.example.com", "domains": ["mail.example.com"],
}  # fmt: skip


def single_use(world, name="Single-use", **changes):
    number = len(changes) + ord(name[0])
    room = f"room-{name.lower()}-{number}@example.com"
    return save(world, **({"name": name, "room_mailbox_email_address": room} | SINGLE_USE | changes))


def post(world, body, integration=1, bearer="", address="127.0.0.1"):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    client = world.client()
    return client.post(
        world.url("session", integration), json=body, headers=headers, environ_overrides={"REMOTE_ADDR": address}
    )


def enter(world, person, integration=1, token="a.b.c", **options):
    world.provider.tokens[token] = person
    return post(world, {"token": token}, integration, **options)


def held(world, answer, integration=1):
    keys = world.services.bearer_keys
    return bearers.verify(answer.json["bearer"], integration_id=integration, keys=keys, now=world.clock())


def rows(world, model):
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def figures(world):
    with world.database.read() as session:
        return {(row.integration_id, row.kind): row.number for row in session.scalars(select(UsageRow))}


def audited(world):
    with world.database.read() as session:
        wanted = select(AuditRow).where(AuditRow.action == "token from another network")
        return [(row.integration_id, row.network, row.object_name) for row in session.scalars(wanted)]


# Who gets what --------------------------------------------------------------------------------------------------------


def test_a_token_with_an_address_signs_a_user_of_the_directory_in(world):
    answer = enter(world, NAA)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    known = {name: value for name, value in answer.json.items() if name != "bearer"}
    assert known == {
        "expires_in": 600, "user": {"name": "Alice Example", "email": "alice@example.com"}, "personal": True,
        "personal_refusal": "", "renewable": False, "placeholder": None,
    }  # fmt: skip
    assert held(world, answer).session_id is None
    assert [one["name"] for one in world.vmrs(answer.json["bearer"]).json] == ["Alice's meeting room", "Town hall"]


def test_the_log_tells_the_way_in(world, caplog):
    caplog.set_level(logging.INFO)
    enter(world, EXCHANGE)
    assert "came in to integration 1 by EXCHANGE" in redact(caplog.messages[-1])


def test_each_exchange_is_a_visit_of_its_own_by_the_same_caller(world):
    first, second = (held(world, enter(world, NAA)) for _time in range(2))
    assert first.caller == second.caller == bearers.caller_of_user(first.user_id)
    assert first.visit != second.visit


def test_an_exchange_person_is_nobody_in_the_directory(world):
    answer = enter(world, EXCHANGE)
    assert answer.status_code == 200
    assert (answer.json["user"], answer.json["personal"], answer.json["personal_refusal"]) == (None, False, "")
    assert held(world, answer).user_id is None
    assert held(world, answer).caller.startswith("person:")
    assert world.vmrs(answer.json["bearer"]).status_code == 401
    assert rows(world, EndUserRow) == rows(world, UserSubjectRow) == 0


def test_callers_differ_by_path_issuer_and_subject(world):
    people = [EXCHANGE, *(replace(EXCHANGE, **{name: "x"}) for name in ("path", "issuer", "subject"))]
    people.append(replace(EXCHANGE, issuer=EXCHANGE.issuer + "\0", subject=EXCHANGE.subject))
    callers = {held(world, enter(world, person, token=f"t{n}")).caller for n, person in enumerate(people)}
    assert len(callers) == len(people)
    assert all(len(caller) == len("person:") + 32 for caller in callers)


def test_a_bearer_without_a_user_is_not_renewed(world):
    answer = enter(world, EXCHANGE)
    assert post(world, {"renew": True}, bearer=answer.json["bearer"]).status_code == 401


@pytest.mark.parametrize("person", [NAA, replace(NAA, path="SSO"), EXCHANGE])
def test_without_personal_vmrs_nobody_becomes_a_user(world, person):
    number = single_use(world, **OFF)
    answer = enter(world, person, number)
    assert answer.status_code == 200
    assert (answer.json["user"], answer.json["personal"], answer.json["personal_refusal"]) == (None, False, "")
    assert rows(world, EndUserRow) == rows(world, UserSubjectRow) == 0
    assert world.vmrs(answer.json["bearer"], number).status_code == 403


def test_single_use_brings_a_placeholder_for_everybody(world):
    number = single_use(world)
    for person in (NAA, EXCHANGE):
        prepared = enter(world, person, number, token=person.path).json["placeholder"]
        assert set(prepared) == {"instructions", "instructions_text", "tok", "expires", "room_name", "room_email"}
        assert prepared["tok"] in prepared["instructions"]
    verifier = new_secret()
    world.dialog(world.client(), verifier, number)
    signed_in = post(world, {"verifier": verifier}, number).json
    assert signed_in["placeholder"]["room_name"] == "Rooms"
    assert signed_in["renewable"] is True
    renewed = post(world, {"renew": True}, number, bearer=signed_in["bearer"]).json
    assert renewed["placeholder"]["tok"] != signed_in["placeholder"]["tok"]
    assert (renewed["personal"], renewed["renewable"], renewed["user"]) == (True, True, signed_in["user"])


def test_people_come_in_without_a_placeholder_when_its_key_is_damaged(world, caplog):
    number = single_use(world)
    with world.database.write() as session:
        session.add(TagKeyRow(id=1, sealed_key="damaged", created_at=world.clock()))
    answer = enter(world, NAA, number)
    assert (answer.status_code, answer.json["personal"], answer.json["placeholder"]) == (200, True, None)
    assert world.vmrs(answer.json["bearer"], number).status_code == 200
    assert "/session: " in caplog.text


# When the directory says no -------------------------------------------------------------------------------------------


def test_whom_the_directory_refuses_may_still_use_single_use(world):
    number = single_use(world, allow_new_users=False)
    answer = enter(world, NAA, number)
    assert answer.status_code == 200
    assert (answer.json["user"], answer.json["personal"]) == (None, False)
    assert "no user with the address alice@example.com" in answer.json["personal_refusal"]
    assert answer.json["placeholder"]
    assert held(world, answer, number).caller.startswith("person:")
    assert rows(world, EndUserRow) == 0


def test_a_second_subject_of_an_address_gets_no_vmrs(world):
    assert enter(world, NAA).json["personal"]
    for other in ({"subject": "t.mallory"}, {"issuer": "https://login.evil.example/v2.0"}):
        answer = enter(world, replace(NAA, **other), token=str(other))
        assert (answer.json["user"], answer.json["personal"]) == (None, False)
        assert "belongs to another account" in answer.json["personal_refusal"]
        assert world.vmrs(answer.json["bearer"]).status_code == 401
    assert rows(world, UserSubjectRow) == 1


def test_the_subject_decides_once_it_is_bound(world):
    """N3: another's address on one's own subject opens nothing."""
    mine = held(world, enter(world, NAA)).user_id
    enter(world, replace(NAA, subject="t.bob", email="bob@example.com"), token="bob")
    answer = enter(world, replace(NAA, email="bob@example.com"), token="moved")
    assert held(world, answer).user_id == mine
    assert answer.json["user"]["email"] == "alice@example.com"


def test_a_person_without_an_address_is_told_why(world):
    answer = enter(world, replace(NAA, email="", name=""))
    assert answer.status_code == 200
    assert "no e-mail address" in answer.json["personal_refusal"]
    enter(world, NAA, token="with")
    again = enter(world, replace(NAA, email="", name=""), token="without")
    assert (again.json["personal"], again.json["personal_refusal"]) == (True, "")


def test_naa_sso_and_dialog_lead_to_one_user(world):
    users = {held(world, enter(world, replace(NAA, path=path), token=path)).user_id for path in ("NAA", "SSO")}
    world.bearer(ALICE)
    assert rows(world, EndUserRow) == len(users) == 1
    assert rows(world, UserSubjectRow) == 3


# Linking Exchange -----------------------------------------------------------------------------------------------------


def test_a_dialog_sign_in_links_the_exchange_person_of_the_same_pane(world):
    dialog = world.bearer(ALICE)
    linked = enter(world, EXCHANGE, bearer=dialog)
    assert linked.status_code == 200
    assert linked.json["user"]["email"] == "alice@example.com"
    assert (linked.json["personal"], linked.json["renewable"]) == (True, True)
    before = bearers.verify(dialog, integration_id=1, keys=world.services.bearer_keys, now=world.clock())
    assert held(world, linked) == before
    later = enter(world, EXCHANGE, token="another day")
    assert (later.json["user"]["email"], later.json["personal"]) == ("alice@example.com", True)
    assert later.json["renewable"] is False
    assert held(world, later).user_id == before.user_id


def test_an_exchange_person_is_linked_once(world):
    enter(world, EXCHANGE, bearer=world.bearer(ALICE))
    again = enter(world, EXCHANGE, token="t2", bearer=world.bearer(BOB))
    assert again.json["user"]["email"] == "bob@example.com"  # the dialog's session stays who it is
    assert enter(world, EXCHANGE, token="t3").json["user"]["email"] == "alice@example.com"


def test_a_user_has_one_exchange_person_at_an_integration(world):
    enter(world, EXCHANGE, bearer=world.bearer(ALICE))
    second = replace(EXCHANGE, subject="mallory-uid@mail")
    assert enter(world, second, token="t2", bearer=world.bearer(ALICE)).status_code == 200
    assert enter(world, second, token="t3").json["user"] is None
    assert rows(world, UserSubjectRow) == 2


def test_a_user_may_be_linked_at_each_integration(world):
    other = replace(EXCHANGE, issuer="uuid-2@mail.example.com/autodiscover/metadata/json/1")
    enter(world, EXCHANGE, bearer=world.bearer(ALICE))
    enter(world, other, 2, token="t2", bearer=world.bearer(ALICE, 2))
    assert enter(world, EXCHANGE, token="t3").json["personal"]
    assert enter(world, other, 2, token="t4").json["personal"]


def test_a_link_holds_at_its_integration_alone(world):
    enter(world, EXCHANGE, bearer=world.bearer(ALICE))
    assert enter(world, EXCHANGE, 2, token="t2").json["user"] is None


def test_a_dialog_of_another_integration_links_nothing(world):
    answer = enter(world, EXCHANGE, 2, bearer=world.bearer(ALICE))
    assert (answer.status_code, answer.json["user"], answer.json["renewable"]) == (200, None, False)
    assert enter(world, EXCHANGE, 2, token="t2").json["user"] is None


def test_a_bearer_that_came_from_a_token_links_nothing(world):
    enter(world, EXCHANGE, bearer=enter(world, NAA, token="naa").json["bearer"])
    assert enter(world, EXCHANGE, token="t2").json["user"] is None


@pytest.mark.parametrize("end", ["expired bearer", "session ended", "nonsense", "user deleted"])
def test_a_dialog_session_that_is_over_links_nothing(world, end):
    dialog = world.bearer(ALICE)
    if end == "expired bearer":
        world.clock.forward(minutes=11)
    elif end == "nonsense":
        dialog = "x.y.z"
    else:
        with world.database.write() as session:
            session.delete(session.scalar(select(DialogSessionRow if end == "session ended" else EndUserRow)))
    answer = enter(world, EXCHANGE, bearer=dialog)
    assert (answer.status_code, answer.json["user"], answer.json["renewable"]) == (200, None, False)
    assert enter(world, EXCHANGE, token="t2").json["user"] is None


def test_another_kind_of_token_leaves_a_dialog_session_alone(world):
    """Its address links by itself; whoever signed in with another account on purpose stays that account."""
    answer = enter(world, replace(NAA, subject="t.bob", email="bob@example.com"), bearer=world.bearer(ALICE))
    assert (answer.json["user"]["email"], answer.json["renewable"]) == ("alice@example.com", True)
    assert rows(world, EndUserRow) == 1


def test_release_ends_a_link(world):
    from addin_host.domain.access import ON_THIS_MACHINE
    from addin_host.flows import users

    enter(world, EXCHANGE, bearer=world.bearer(ALICE))
    with world.database.write() as session:
        user = users.at(session, "alice@example.com")
        users.release(session, user.id, caller=ON_THIS_MACHINE, now=world.clock())
    assert enter(world, EXCHANGE, token="t2").json["user"] is None


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (Refused(Reason.UNAUTHENTICATED, "No."), 401, "unauthenticated"),
        (Upstream("Away.", retry_after=7), 503, "upstream"),
        (Misconfigured("Wrong."), 500, "misconfigured"),
    ],
)
def test_what_goes_wrong_at_the_provider(world, problem, status, code):
    answer = enter(world, problem)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)
    assert "bearer" not in answer.json
    assert rows(world, SeenTokenRow) == 0


@pytest.mark.parametrize("token", ["", None, 7, ["a.b.c"], {"a": 1}, True, "x" * 33_000])
def test_a_token_that_cannot_be_one_is_refused_before_anybody_looks(world, token):
    answer = post(world, {"token": token})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")
    assert world.provider.shown == []


@pytest.mark.parametrize("token", ["\ud800", "a\0b", "\u202e.b.c", "a.b.c\n"])
def test_odd_characters_are_just_refused(world, token):
    assert post(world, {"token": token}).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b"{", b'"token"', b'{"token": "a.b.c"'])
def test_bodies_that_are_no_object_are_refused(world, body):
    answer = world.client().post(world.url("session"), data=body, content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")


def test_another_content_type_and_method_are_refused(world):
    world.provider.tokens["a.b.c"] = NAA
    answer = world.client().post(world.url("session"), data=b'{"token": "a.b.c"}', content_type="text/plain")
    assert answer.status_code == 400
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert world.client().open(world.url("session"), method=method).status_code == 405
    assert world.provider.shown == []


def test_a_switched_off_integration_exchanges_nothing(world):
    uuid = world.services.catalogue.get("1").uuid
    save(world, uuid=uuid, enabled=False)
    for body in ({"token": "a.b.c"}, {"verifier": new_secret()}, {"renew": True}):
        assert post(world, body).status_code == 403
    assert world.provider.shown == []
    assert post(world, {"token": "a.b.c"}, 999).status_code == 404


def test_a_token_reaches_the_integration_that_it_was_sent_to(world):
    world.provider.tokens["a.b.c"] = NAA
    assert post(world, {"token": "a.b.c"}, 2).status_code == 200
    assert world.provider.shown == [(2, "a.b.c")]
    bearer = post(world, {"token": "a.b.c"}, 2).json["bearer"]
    assert world.vmrs(bearer, 2).status_code == 200
    assert world.vmrs(bearer, 1).status_code == 401


def test_the_pane_of_another_site_gets_no_cookie_and_no_leave(world):
    answer = enter(world, NAA)
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_many_refused_tokens_of_a_network_cost_no_more_looks(world):
    for _time in range(PER_MINUTE):
        world.services.tokens.add((world.services.catalogue.get("1").uuid, "203.0.113.0/24"), now=world.clock())
    shown = len(world.provider.shown)
    answer = post(world, {"token": "bad"}, address="203.0.113.9")
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "60"
    assert len(world.provider.shown) == shown
    assert enter(world, NAA, address="198.51.100.1").status_code == 200
    assert enter(world, NAA, 2, address="203.0.113.9").status_code == 200
    world.clock.forward(seconds=60)
    assert enter(world, NAA, address="203.0.113.9").status_code == 200


def test_refused_tokens_are_counted_and_good_ones_are_not(world):
    world.provider.tokens["good"] = NAA
    statuses = [post(world, {"token": name}).status_code for name in ["bad", "good"] * 60]
    assert statuses == [401, 200] * 60
    assert world.services.tokens._counts == {(world.services.catalogue.get("1").uuid, "127.0.0.0/24"): (world.clock().timestamp(), 60)}  # fmt: skip  # noqa: E501


# Figures and sightings ------------------------------------------------------------------------------------------------


def test_a_token_counts_as_one_sign_in_however_often_it_is_shown(world):
    for _time in range(3):
        enter(world, NAA)
    enter(world, NAA, token="the next one")
    enter(world, EXCHANGE, 2)
    assert figures(world) == {(1, "signin"): 2, (2, "signin"): 1}
    post(world, {"token": "bad"})
    post(world, {"token": "bad"})
    world.clock.forward(seconds=3)
    post(world, {"token": "bad"})
    assert figures(world) == {(1, "signin"): 2, (2, "signin"): 1, (1, "refusal"): 2}


def test_a_token_from_another_network_is_audited_and_not_blocked(world):
    """X7."""
    enter(world, NAA, address="203.0.113.9")
    assert enter(world, NAA, address="203.0.113.77").status_code == 200  # the same neighbourhood
    assert audited(world) == []
    for _time in range(5):
        assert enter(world, NAA, address="198.51.100.1").status_code == 200
    assert audited(world) == [(1, "198.51.100.1", "user:1")]
    enter(world, NAA, address="192.0.2.1")
    assert [network for _id, network, _name in audited(world)] == ["198.51.100.1", "192.0.2.1"]
    enter(world, NAA, token="fresh", address="198.51.100.1")
    assert len(audited(world)) == 2


def test_one_tokens_sightings_are_each_integrations_own(world):
    enter(world, EXCHANGE, 1, address="203.0.113.9")
    enter(world, EXCHANGE, 2, address="198.51.100.1")
    assert audited(world) == []
    assert rows(world, SeenTokenRow) == 2


def test_what_is_kept_of_a_token_is_its_hash_until_it_has_expired(world):
    enter(world, NAA, token="header.payload.signature")
    with world.database.read() as session:
        row = session.scalar(select(SeenTokenRow))
        assert "payload" not in row.token_hash
        assert len(row.token_hash) == 64
        assert row.network == "127.0.0.0/24"
        assert row.expires_at > world.clock()
    from addin_host.flows.cleaning import clean

    world.clock.forward(hours=36, seconds=1)
    with world.database.write() as session:
        clean(session, now=world.clock())
    assert rows(world, SeenTokenRow) == 0


# The dialog without personal VMRs -------------------------------------------------------------------------------------


def test_the_dialog_is_a_way_in_for_single_use_alone(world):
    number = single_use(world, **OFF)
    verifier = new_secret()
    assert world.dialog(world.client(), verifier, number).status_code == 200
    answer = post(world, {"verifier": verifier}, number)
    assert answer.status_code == 200
    assert (answer.json["personal"], answer.json["renewable"]) == (False, True)
    assert answer.json["user"]["email"] == "alice@example.com"
    assert world.vmrs(answer.json["bearer"], number).status_code == 403


def test_without_a_provider_there_is_no_dialog(world):
    blank = {"personal_vmr_oauth_auth_endpoint": "", "personal_vmr_oauth_token_endpoint": ""}
    number = single_use(world, **OFF, **blank)
    page = world.dialog(world.client(), new_secret(), number)
    assert page.status_code == 403
    assert "Signing in is not switched on" in page.text
    assert world.client().get(world.url("signin/callback", number)).status_code == 403


def test_insertions_count_without_personal_vmrs(world):
    number = single_use(world, **OFF)
    bearer = enter(world, EXCHANGE, number).json["bearer"]
    told = world.client().post(
        world.url("insertions", number), json={"kind": "single-use"}, headers={"Authorization": f"Bearer {bearer}"}
    )
    assert told.status_code == 204
    assert figures(world)[(number, "insertion")] == 1
