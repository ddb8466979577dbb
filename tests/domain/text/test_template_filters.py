"""Every filter of the language: what it gives, and what it refuses."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addin_host.domain.text import RenderProblem, Unmet, compile_template
from addin_host.domain.text.filters import BUILT_IN
from addin_host.domain.text.product import PRODUCT

VALUES: dict[str, Any] = {
    "subject": "Plan the World",
    "alias": "someone@example.com",
    "aliases": ["alice", "bob@a.com", "carol@b.com"],
    "pin": "1234",
}


def text(source: str, values: dict[str, Any] | None = None) -> str:
    template = compile_template(source, kind="text_template", variables=[*VALUES, "name"])
    return template.render(VALUES | (values or {}))


def test_the_built_in_filters_are_the_eighteen_documented_ones() -> None:
    documented = (
        "abs capitalize default first float format int join last length lower range replace round striptags trim "
        "truncate upper"
    )
    assert sorted(BUILT_IN) == documented.split()


BUILT_IN_CASES = [
    ("{{ -3|abs }} {{ 2.5|abs }}", "3 2.5"),
    ("{{ 'hELLO World'|capitalize }}", "Hello world"),
    (
        "{{ name|default('x') }} {{ ''|default('y', true) }} {{ ''|default('y', boolean=true) }} {{ 0|default('z') }}",
        "x y y 0",
    ),
    ("{{ aliases|first }} {{ 'abc'|first }} {{ []|first }}", "alice a"),
    ("{{ '1.5'|float }} {{ 'x'|float }} {{ 'x'|float(2.5) }} {{ [1]|float }}", "1.5 0.0 2.5 0.0"),
    ("{{ '%s-%03d-%.2f-%5s|%-3s|'|format('a', 7, 1.5, 'b', 'c') }}", "a-007-1.50-    b|c  |"),
    ("{{ '%(a)s %(b)s %%'|format(a=1, b='x') }} {{ '%x'|format(255) }}", "1 x % ff"),
    (
        "{{ '42'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 'ff'|int(base=16) }} {{ '3.9'|int }} {{ 3.9|int }}",
        "42 0 7 255 3 3",
    ),
    ("{{ aliases|join(', ') }} {{ [1, 2]|join }} {{ 'abc'|join('-') }} {{ ['x']|join(d='+') }}", None),
    ("{{ aliases|last }} {{ 'abc'|last }} {{ []|last }}", "carol@b.com c"),
    ("{{ aliases|length }} {{ 'abc'|length }} {{ {}|length }}", "3 3 0"),
    ("{{ 'ABC'|lower }}", "abc"),
    (
        "{{ 3|range }} {{ 1|range(4) }} {{ 0|range(10, 5) }} {{ 5|range(0, -2) }}",
        "[0, 1, 2] [1, 2, 3] [0, 5] [5, 3, 1]",
    ),
    ("{{ 'aaa'|replace('a', 'b') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'ab'|replace('', '-') }}", "bbb bba -a-b-"),
    (
        "{{ 2.567|round(2) }} {{ 2.1|round(method='ceil') }} {{ 2.9|round(0, 'floor') }} {{ 2.5|round }}",
        "2.57 3.0 2.0 2.0",
    ),
    ("{{ '<p>a  <b>b</b> &amp; c</p> 1 < 2'|striptags }}", "a b & c 1 < 2"),
    ("[{{ '  a '|trim }}] {{ 'xxaxx'|trim('x') }}", "[a] a"),
    ("{{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }}", "foo... foo ba..."),
    (
        "{{ 'foo bar baz qux'|truncate(11, leeway=0) }} {{ 'foo bar baz'|truncate(9, leeway=0, end='!') }}",
        "foo bar... foo bar!",
    ),
    ("{{ 'abc'|upper }}", "ABC"),
]


@pytest.mark.parametrize(("source", "expected"), BUILT_IN_CASES)
def test_a_built_in_filter(source: str, expected: str | None) -> None:
    assert text(source) == (expected or "alice, bob@a.com, carol@b.com 12 a-b-c x")


def test_every_filter_has_a_case() -> None:
    sources = " ".join(case[0] for case in (*BUILT_IN_CASES, *PRODUCT_CASES)) + " pex_now pex_random_pin pex_uuid4"
    assert [name for name in (*BUILT_IN, *PRODUCT) if name not in sources] == []


SAFE_LINK = (
    "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc&data=05%7C02&reserved=0"
)
DEFENCE_1 = "https://urldefense.proofpoint.com/v1/url?u=http://example.com/a&k=x"
DEFENCE_2 = "https://urldefense.proofpoint.com/v2/url?u=https-3A__example.com_a-3Fb-3Dc&d=Dw&c=x"
DEFENCE_3 = "https://urldefense.com/v3/__https://example.com/a*b?c=**Bd__;IyQlJg!!abc!def$"

PRODUCT_CASES = [
    ("{{ 'hello'|pex_base64 }} {{ pex_base64('\\u00e9') }}", "aGVsbG8= w6k="),
    ("{{ '+47 (22) 12-34x56'|pex_clean_phone_number }}", "+4722123456"),
    ("a{{ pex_debug_log('x', alias, 1) }}b{{ 'y'|pex_debug_log }}", "ab"),
    (
        "{{ pex_find_first_match(aliases, '.*@b.com') }} {{ aliases|pex_find_first_match('@') }}",
        "carol@b.com bob@a.com",
    ),
    ("[{{ pex_find_first_match(aliases, 'nobody') }}{{ pex_find_first_match(name, 'x') }}]", "[]"),
    ("{{ 'a'|pex_hash }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("{{ 'abcdef'|pex_head(3) }} {{ 'ab'|pex_head(9) }} [{{ 'ab'|pex_head(0) }}]", "abc ab []"),
    (
        "{{ pex_in_subnet('10.47.0.1', ['10.9.0.0/16', '10.47.0.0/16']) }} "
        "{{ pex_in_subnet('1.1.1.1', ['10.47.0.0/16']) }}",
        None,
    ),
    (
        "{{ pex_in_subnet('2001:658:22a:cafe::1', ['2001::/16']) }} {{ '::1'|pex_in_subnet(['10.0.0.0/8']) }}",
        "True False",
    ),
    ("{{ pex_in_subnet(name, ['10.0.0.0/8']) }} {{ pex_in_subnet('x', '10.0.0.0/8') }}", "False False"),
    ("{{ 'a'|pex_md5 }}", "0cc175b9c0f1b6a831c399e269772661"),
    ("{{ alias|pex_regex_replace('@.+', '@other.com') }}", "someone@other.com"),
    (r"{{ 'ab12'|pex_regex_replace('([a-z]+)([0-9]+)', '\\2-\\g<1>\\\\') }}", "12-ab\\"),
    (
        "{{ 'aXbX'|pex_regex_replace('X', '') }} {{ 'ab'|pex_regex_replace('', '.') }} "
        "{{ '\\u00e5b'|pex_regex_replace('b', '\\u00e6') }}",
        "ab .a.b. \u00e5\u00e6",
    ),
    (
        "{% set g = pex_regex_search('([a-z]+)@([a-z.]+)', 'to ann@example.com') %}{{ g[0] }} {{ g[1] }}",
        "ann example.com",
    ),
    ("{{ pex_regex_search('b+', 'abbc') }} {{ 'yes' if pex_regex_search('x', 'abc') else 'no' }}", "['bb'] no"),
    ("{{ 'abc'|pex_require_min_length(3) }}", "abc"),
    ("{{ 'abc'|pex_reverse }}", "cba"),
    (
        f"{{{{ '{SAFE_LINK}'|pex_safelinks_decode }}}} {{{{ 'see https://example.com/x'|pex_safelinks_decode }}}}",
        "https://example.com/a?b=c see https://example.com/x",
    ),
    ("{{ 'Example'|pex_strlen }}", "7"),
    ("{{ 'abcdef'|pex_tail(2) }} {{ 'ab'|pex_tail(9) }} [{{ 'ab'|pex_tail(0) }}]", "ef ab []"),
    ("{{ {'a': [1, true, none, 'x\"']}|pex_to_json }} {{ name|pex_to_json }}", '{"a": [1, true, null, "x\\""]} null'),
    ("{{ 'AAECAwQFBgcICQoLDA0ODw=='|pex_to_uuid }}", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    ("{% set d = {'a': 1, 'b': 2} %}{{ d|pex_update({'b': 3})|pex_to_json }} {{ d['b'] }}", '{"a": 1, "b": 3} 2'),
    ("{{ 'a b/c?\\u00e9'|pex_url_encode }} {{ 'a%20b%2Fc'|pex_url_decode }}", "a%20b%2Fc%3F%C3%A9 a b/c"),
    (
        f"{{{{ '{DEFENCE_1}'|pex_urldefense_decode }}}} {{{{ '{DEFENCE_2}'|pex_urldefense_decode }}}}",
        "http://example.com/a https://example.com/a?b=c",
    ),
    (f"{{{{ '{DEFENCE_3}'|pex_urldefense_decode }}}}", "https://example.com/a#b?c=$%&d"),
]


@pytest.mark.parametrize(("source", "expected"), PRODUCT_CASES)
def test_a_product_filter(source: str, expected: str | None) -> None:
    assert text(source) == (expected or "True False")


@pytest.mark.parametrize(
    "source",
    [
        "{{ 1|round(99) }}",
        "{{ 1|round(1, 'up') }}",
        "{{ 'a'|abs }}",
        "{{ '%d'|format('x') }}",
        "{{ '%d'|format }}",
        "{{ '%r'|format(alias) }}",
        "{{ '%*d'|format(5, 1) }}",
        "{{ '100%'|format }}",
        "{{ 2000|range }}",
        "{{ 1|range(5, 0) }}",
        "{{ 'x'|range }}",
        "{{ pex_in_subnet('10.0.0.1', ['x']) }}",
        "{{ pex_in_subnet('10.0.0.1', 5) }}",
        "{{ pex_find_first_match('abc', 'a') }}",
        "{{ pex_regex_search('(', 'a') }}",
        "{{ pex_regex_search('(?=a)', 'a') }}",
        "{{ 'a'|pex_regex_replace('a', '\\\\1') }}",
        "{{ 'a'|pex_update({}) }}",
        "{{ {}|pex_update('a') }}",
        "{{ 'abc'|pex_to_uuid }}",
        "{{ 'a'|pex_head(-1) }}",
        "{{ 'a'|pex_head('b') }}",
        "{{ pex_random_pin(0) }}",
        "{{ pex_random_pin(65) }}",
        "{{ pex_now('../etc/passwd') }}",
        "{{ pex_now('Europe') }}",
        "{{ pex_now('Nowhere/City') }}",
        "{{ alias|pex_require_min_length(99) }}",
    ],
)
def test_arguments_that_make_no_sense_are_problems(source: str) -> None:
    with pytest.raises(RenderProblem) as failed:
        text(source)
    assert failed.value.line == 1


def test_a_required_length_that_is_not_met_is_told_apart() -> None:
    with pytest.raises(Unmet, match="pex_require_min_length"):
        text("{{ pin|pex_require_min_length(6) }}")


def test_the_present_moment_in_a_zone() -> None:
    before = datetime.now(UTC)
    year, month, day, hour = (
        int(part) for part in text("{% set n = pex_now() %}{{ n.year }} {{ n.month }} {{ n.day }} {{ n.hour }}").split()
    )
    after = datetime.now(UTC)
    assert (before.year, before.month, before.day, before.hour) <= (year, month, day, hour)
    assert (year, month, day, hour) <= (after.year, after.month, after.day, after.hour)
    assert text("{{ pex_now('Asia/Tokyo') }}").endswith("+09:00")
    assert text("{{ pex_now(tz='Asia/Kolkata') }}").endswith("+05:30")
    assert text("{{ pex_now().minute }}{{ pex_now().second }}{{ pex_now().microsecond }}").isdigit()


def test_random_pins_and_uuids_differ() -> None:
    pins = {text("{{ pex_random_pin(8) }}") for _ in range(50)} | {text("{{ ''|pex_random_pin(8) }}")}
    assert len(pins) > 45
    assert all(len(pin) == 8 and pin.isdigit() for pin in pins)
    made = text("{{ pex_uuid4() }} {{ pex_uuid4() }}").split()
    assert made[0] != made[1]
    assert uuid.UUID(made[0]).version == 4


def test_the_debug_log_gets_one_line_and_at_most_ten(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="addin_host.template")
    assert text("{{ pex_debug_log('pin', pin, 'a\\r\\nb') }}") == ""
    assert [record.getMessage() for record in caplog.records] == ["pex_debug_log pin,1234,a b"]
    caplog.clear()
    text("{% for i in 50|range %}{{ pex_debug_log(i) }}{% endfor %}")
    assert len(caplog.records) == 10


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_encoding_and_decoding_an_address_gives_the_text_back(value: str) -> None:
    given_text = "x" + value + "x"
    encoded = text("{{ alias|pex_url_encode }}", {"alias": given_text})
    assert all(character.isalnum() or character in "%_.-~" for character in encoded)
    shown = "".join(c for c in given_text if c in "\t\n\r" or (c >= " " and c != "\x7f"))
    assert unquote(encoded) == shown


@given(st.text(alphabet="abc<>&; #x1", max_size=120))
@settings(max_examples=150, deadline=None)
def test_stripped_text_is_no_longer_than_the_text(value: str) -> None:
    assert len(text("{{ alias|striptags }}", {"alias": value})) <= len(value)


@given(st.text(alphabet="https:/.urldefns_v3*;!?=&comA1", max_size=150))
@settings(max_examples=150, deadline=None)
def test_broken_wrapped_addresses_are_left_alone_or_unwrapped(value: str) -> None:
    for start in ("", "https://urldefense.com/v3/__", "https://urldefense.proofpoint.com/v2/url?u="):
        assert text("{{ alias|pex_urldefense_decode|pex_safelinks_decode|length }}", {"alias": start + value}).isdigit()
