"""What the conference platform is told: aliases as devices dial them, and the table of design/rest.md section 7."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addin_host.domain.policy import Known, Question, asked, clean_alias, decide, earliest_close

GOES_ON = {"status": "success", "action": "continue", "result": {}}
REJECTS = {"status": "success", "action": "reject"}


@pytest.mark.parametrize(
    ("dialled", "alias"),
    [
        ("123456@video.example.com", "123456@video.example.com"),
        ("SIP:123456@Video.Example.COM", "123456@video.example.com"),
        ("sips:123456@video.example.com:5061;transport=tls", "123456@video.example.com"),
        ("sip:123456@video.example.com?subject=x", "123456@video.example.com"),
        ("h323:123456@video.example.com", "123456@video.example.com"),
        ("h.323:123456", "123456"),
        ("tel:123456;phone-context=+47", "123456"),
        ('"A, B" <sip:123456@video.example.com;x=y>', "123456@video.example.com"),
        ("  123456  ", "123456"),
        ("123456:5060", "123456"),
        ("sip:123@[2001:db8::1]:5061", "123@[2001:db8::1]"),
        ("sip", "sip"),
        ("sipper@video.example.com", "sipper@video.example.com"),
        ("", ""),
        ("sip:", ""),
        ("<", ""),
    ],
)
def test_what_is_dialled_becomes_an_alias(dialled: str, alias: str) -> None:
    assert clean_alias(dialled) == alias


@given(st.text(max_size=2000))
def test_no_text_is_too_strange(text: str) -> None:
    assert clean_alias(text) == clean_alias(text).lower()
    assert len(clean_alias(text)) <= 2048


@pytest.mark.parametrize(
    ("parameters", "question"),
    [
        ({"local_alias": "sip:A@b", "call_direction": "dial_in"}, Question(alias="a@b")),
        ({"local_alias": "a@b", "call_direction": "dial_in", "service_tag": "sched:u"}, Question(alias="a@b")),
        ({"local_alias": "a@b", "call_direction": "dial_out", "service_tag": "sched:u"}, Question(tag="sched:u")),
        ({"local_alias": "a@b", "call_direction": "non_dial", "service_tag": "vmr:u"}, Question(tag="vmr:u")),
        ({"breakout_uuid": "x", "call_direction": "dial_in", "service_tag": "sched:u"}, Question(tag="sched:u")),
        ({"local_alias": "a@b", "call_direction": "dial_out", "service_tag": "theirs"}, Question(alias="a@b")),
        ({}, Question()),
    ],
)
def test_what_a_request_asks_about(parameters: dict[str, str], question: Question) -> None:
    assert asked(parameters) == question


def known(**changes: Any) -> Known:
    settings = {"service_type": "conference", "description": "", "pin": "", "ivr_theme_name": None, "guest_pin": ""}
    plain = {"uuid": "u", "name": "Weekly", "is_scheduled": True, "is_open": True, "is_elsewhere": False}
    return Known(**{**plain, "settings": settings, **changes})


ALIAS, TAG = Question(alias="a@b"), Question(tag="sched:u")


@pytest.mark.parametrize(
    ("question", "found", "is_assigned", "outside", "action"),
    [
        (ALIAS, known(), False, "REJECT", "result"),
        (ALIAS, known(is_open=False), True, "REJECT", REJECTS),
        (ALIAS, known(is_open=False), True, "CONTINUE", GOES_ON),
        (ALIAS, None, True, "REJECT", REJECTS),
        (ALIAS, None, True, "CONTINUE", GOES_ON),
        (ALIAS, None, False, "REJECT", GOES_ON),
        (ALIAS, known(is_scheduled=False), False, "REJECT", "result"),
        (ALIAS, known(is_scheduled=False, is_elsewhere=True), False, "REJECT", GOES_ON),
        (TAG, known(is_open=False), False, "REJECT", "result"),
        (TAG, None, False, "REJECT", REJECTS),
        (Question(tag="vmr:u"), None, False, "REJECT", GOES_ON),
        (Question(), None, False, "REJECT", GOES_ON),
    ],
)
def test_the_table(question: Question, found: Known | None, is_assigned: bool, outside: str, action: Any) -> None:
    answer = decide(question, found, is_assigned=is_assigned, outside_window=outside)
    assert (answer == action) if action != "result" else answer["result"]["name"] == "Weekly"


def test_what_is_not_set_or_too_long_is_left_out() -> None:
    settings = {"pin": "", "description": "", "ivr_theme_name": None, "allow_guests": False, "guest_pin": ""}
    long = {"primary_owner_email_address": "a" * 251}
    answer = decide(ALIAS, known(settings=settings | long), is_assigned=False, outside_window="REJECT")
    assert answer["result"] == {
        "name": "Weekly",
        "service_tag": "sched:u",
        "pin": "",
        "description": "",
        "allow_guests": False,
    }


def test_a_window_ends_with_the_second_of_its_end() -> None:
    end = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert earliest_close(end.replace(microsecond=999_999)) <= end
    assert earliest_close(end.replace(second=1)) > end
