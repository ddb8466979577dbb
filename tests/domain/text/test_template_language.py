"""What templates may say, how they are refused, and how missing values behave."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from addin_host.domain.text import MAX_OUTPUT, RenderProblem, TemplateProblem, compile_template, sample_values
from addin_host.domain.text.compiled import _compiled

VARIABLES = ("aliases", "alias", "pin", "guest_pin", "allow_guests", "organizer_name", "subject")
VALUES: dict[str, Any] = {
    "aliases": ["one@example.com", "two", "3"],
    "alias": "one@example.com",
    "pin": "1234",
    "allow_guests": True,
    "organizer_name": "Ann",
    "subject": "a & b",
}


def text(source: str, values: dict[str, Any] | None = None) -> str:
    return compile_template(source, kind="text_template", variables=VARIABLES).render(
        VALUES if values is None else values
    )


def html(source: str, values: dict[str, Any] | None = None) -> str:
    return compile_template(source, kind="html_template", variables=VARIABLES).render(
        VALUES if values is None else values
    )


def refusal(source: str) -> TemplateProblem:
    with pytest.raises(TemplateProblem) as refused:
        compile_template(source, kind="text_template", variables=VARIABLES)
    return refused.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% if pin %}a{% elif alias %}b{% else %}c{% endif %}", "a"),
        ("{% if guest_pin %}a{% elif pin == 'x' %}b{% else %}c{% endif %}", "c"),
        (
            "{% for a in aliases %}{{ loop.index }}/{{ loop.length }} {{ a }};{% endfor %}",
            "1/3 one@example.com;2/3 two;3/3 3;",
        ),
        ("{% for a in aliases if '@' in a %}{{ a }}{% else %}none{% endfor %}", "one@example.com"),
        ("{% for a in [] %}{{ a }}{% else %}none{% endfor %}", "none"),
        ("{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }},{% endfor %}", "3,7,"),
        ("{% for k in {'x': 1} %}{{ k }}{% endfor %}", "x"),
        ("{% for c in 'abc' %}{{ c }}{{ '.' if not loop.last }}{% endfor %}", "a.b.c"),
        ("{% for a in aliases %}{% for b in aliases %}{{ loop.index0 }}{% endfor %}{% endfor %}", "012012012"),
        ("{% set x = 1 %}{% if pin %}{% set x = 2 %}{% endif %}{{ x }}", "2"),
        ("{{ 1 < 2 <= 2 }} {{ 1 < 2 > 3 }} {{ 1 != 2 }}", "True False True"),
        ("{{ 'one' in alias and not guest_pin }} {{ 'z' not in alias or false }}", "True True"),
        ("{{ 'two' in aliases }} {{ 'four' in aliases }}", "True False"),
        ("{{ 'a' if allow_guests else 'b' }}{{ 'c' if guest_pin }}", "a"),
        ("{{ [1, 2.5, 'x', true, none] }} {{ {'a': 1} }} {{ (1, 2) }}", "[1, 2.5, 'x', True, None] {'a': 1} (1, 2)"),
        ("{{ aliases[0] }} {{ aliases[-1] }} {{ {'a': 5}['a'] }}", "one@example.com 3 5"),
        ("{{ aliases[1:] }} {{ alias[:3] }} {{ aliases[::-1][0] }} {{ alias[-3:] }}", "['two', '3'] one 3 com"),
        (
            "{{ 7 + 2 }} {{ 7 - 2 }} {{ 7 * 2 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 2 }} {{ 7 ** 2 }} {{ -7 }}",
            "9 5 14 3.5 3 1 49 -7",
        ),
        ("{{ 'a' + 'b' }} {{ 'ab' * 2 }} {{ [1] + [2] }} {{ 'x' ~ 1 ~ none }}", "ab abab [1, 2] x1"),
        ("{{ '%s has %d' % (alias, 3) }}", "one@example.com has 3"),
        ("{# a comment #}{% raw %}{{ alias }}{% endraw %}", "{{ alias }}"),
        ("a {%- if pin -%} b {%- endif -%} c", "abc"),
        ("{{ pin is defined }} {{ guest_pin is defined }} {{ none is none }} {{ 4 is even }}", "True False True True"),
        ("{{ 3 is odd }} {{ 9 is divisibleby 3 }} {{ 'a' is string }} {{ 1 is number }}", "True True True True"),
        ("{{ {} is mapping }} {{ [] is sequence }} {{ 'ab' is lower }} {{ 'AB' is upper }}", "True True True True"),
        ("{{ true is boolean }} {{ 1 is integer }} {{ 1.5 is float }} {{ 1 is undefined }}", "True True True False"),
    ],
)
def test_the_language(source: str, expected: str) -> None:
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("a\n{{ alais }}", 2, "alais is not a variable of this template; did you mean alias?"),
        ("{{ zzz }}", 1, "it can use alias, aliases"),
        ("{{ config }}", 1, "not a variable"),
        ("{{ alias.domain }}", 1, "only loop and the value of pex_now have parts"),
        ("{{ alias.upper() }}", 1, "upper is a filter: write {{ value|upper }}"),
        ("{{ alias.split('@') }}", 1, "values have no methods"),
        ("{{ range(3) }}", 1, "range is a filter"),
        ("{{ pex_uuid() }}", 1, "did you mean pex_uuid4?"),
        ("{{ pex_now }}", 1, "write pex_now with its arguments"),
        ("{{ alias|safe }}", 1, "always escaped"),
        ("{{ alias|upcase }}", 1, "there is no filter upcase; did you mean"),
        ("{{ alias is callable }}", 1, "there is no test callable"),
        ("{{ alias|replace('a') }}", 1, "the arguments of replace are not right"),
        ("{{ pex_head() }}", 1, "the arguments of pex_head are not right"),
        ("{{ alias|upper(colour=1) }}", 1, "the arguments of upper are not right"),
        ("\n\n{% include 'x' %}", 3, "a template stands alone"),
        ("{% macro m() %}{% endmacro %}", 1, "macros are not possible"),
        ("{% autoescape false %}{% endautoescape %}", 1, "autoescape cannot be changed"),
        ("{% set x %}a{% endset %}", 1, "set needs a value"),
        ("{% set a, b = aliases %}", 1, "only a plain name can be set"),
        ("{% set pex_x = 1 %}", 1, "the name pex_x is taken"),
        ("{% for a in aliases recursive %}{% endfor %}", 1, "recursive loops are not possible"),
        ("{% for a in aliases %}" * 3 + "{% endfor %}" * 3, 1, "loops may be nested 2 deep"),
        ("{{ loop.index }}", 1, "loop exists only inside a for loop"),
        ("{% shrug %}", 1, "{% shrug %} is not part of the template language"),
        ("{% if pin %}", 1, "this cannot be read"),
        ("{{ pin", 1, "this cannot be read"),
        ("{{ " + "-" * 70 + "1 }}", 1, "60 levels deep"),
        ("{{ 10000000000000000000 }}", 1, "a number is too large"),
        ("x" * 12_289, 1, "12288 are possible"),
        ("a\nb\x01", 2, "cannot be printed"),
    ],
)
def test_a_refusal_says_the_line_and_what_to_do(source: str, line: int, words: str) -> None:
    problem = refusal(source)
    assert (problem.line, words in problem.message) == (line, True), str(problem)


def test_a_refusal_points_at_the_word() -> None:
    problem = refusal("x\r\n  {{ alais }}")
    assert (problem.line, problem.column) == (2, 6)


@pytest.mark.parametrize(
    "source",
    [
        "{{ guest_pin }}{{ aliases[99] }}{{ aliases[99][0] }}{{ {}['x'] }}{{ aliases['x'] }}",
        "{% if guest_pin or aliases[99] %}x{% endif %}{% for x in guest_pin %}x{% endfor %}",
        "{{ -guest_pin }}{{ guest_pin * 2 }}{{ 2 ** guest_pin }}{{ guest_pin / 0 }}{{ guest_pin - 1 }}",
        "{{ guest_pin[0] }}{{ guest_pin[1:] }}{{ guest_pin|upper|trim|first }}{{ guest_pin ~ guest_pin }}",
        "{{ guest_pin|abs }}{{ guest_pin|round }}{{ guest_pin|join('x') }}{{ guest_pin|pex_head(3) }}",
        "{{ 'x' if guest_pin > 3 or guest_pin in alias or guest_pin == 'x' }}",
    ],
)
def test_a_missing_value_prints_nothing_and_is_false(source: str) -> None:
    assert text(source) == ""
    assert text(source, VALUES | {"guest_pin": None}) == ""


def test_what_is_added_to_a_missing_value_stays() -> None:
    assert text("{{ guest_pin + 'a' }}{{ 'b' + guest_pin }}{{ guest_pin + 1 }}") == "ab1"
    assert text("{{ guest_pin|default('none') }} {{ guest_pin|length }}") == "none 0"


def test_values_are_text_however_they_are_given() -> None:
    assert html("{{ subject }}", {"subject": Markup("<b>x</b>")}) == "&lt;b&gt;x&lt;/b&gt;"
    assert html("{{ aliases[0] }}", {"aliases": [Markup("<b>")]}) == "&lt;b&gt;"
    assert text("{{ pin }} {{ pin is string }}", {"pin": 1234}) == "1234 True"
    assert html("{{ subject ~ '<i>' }}{{ '<u>' }}{{ subject|replace('a', '<b>') }}") == (
        "a &amp; b&lt;i&gt;&lt;u&gt;&lt;b&gt; &amp; b"
    )


def test_values_are_cut_to_what_the_variable_may_hold() -> None:
    assert text("{{ pin|length }} {{ subject|length }}", {"pin": "1" * 99, "subject": "x" * 999}) == "20 255"
    assert text("{{ aliases|length }} {{ aliases[0]|length }}", {"aliases": ["y" * 999] * 999}) == "100 255"


def test_a_text_template_gives_one_line() -> None:
    assert text(" a\r\n\tb \u202e{{ subject }}\n", {"subject": "c\r\nBcc: d\u2028e"}) == "a b c Bcc: d e"


def test_values_cannot_write_template_code() -> None:
    assert text("{{ subject }}", {"subject": "{{ 7 * 7 }}{% if 1 %}"}) == "{{ 7 * 7 }}{% if 1 %}"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("a\n{{ 1 / 0 }}", 2),
        ("\n\n{{ 1 < 'a' }}", 3),
        ("{{ 'a' - 1 }}", 1),
        ("{{ 'a' ** 2 }}", 1),
        ("{% for x in 5 %}{% endfor %}", 1),
        ("{{ 'a' in 5 }}", 1),
        ("{{ alias|round }}", 1),
        ("{{ {[1]: 2} }}", 1),
        ("{{ -alias }}", 1),
        ("{{ 2|length }}", 1),
    ],
)
def test_a_failure_at_run_time_is_a_render_problem_with_its_line(source: str, line: int) -> None:
    template = compile_template(source, kind="text_template", variables=VARIABLES)
    with pytest.raises(RenderProblem) as failed:
        template.render(VALUES)
    assert failed.value.line == line


def test_output_stops_at_the_cap() -> None:
    template = compile_template(
        "{% for i in 1000|range %}" + "é" * 200 + "{% endfor %}", kind="text_template", variables=[]
    )
    with pytest.raises(RenderProblem, match="256 KB"):
        template.render({})
    assert MAX_OUTPUT == 262_144


@pytest.mark.parametrize("name", ["pex_now()", "pex_random_pin(4)", "pex_uuid4()", "pex_debug_log('x')"])
def test_what_may_differ_is_not_deterministic(name: str) -> None:
    assert not compile_template(f"{{{{ {name} }}}}", kind="text_template", variables=[]).deterministic
    assert compile_template("{{ pin|pex_head(2) }}", kind="text_template", variables=["pin"]).deterministic


def test_a_template_is_compiled_once_and_the_memory_of_it_is_bounded() -> None:
    first = compile_template("{{ pin }} once", kind="text_template", variables=["pin", "alias"])
    assert compile_template("{{ pin }} once", kind="text_template", variables=("alias", "pin")) is first
    assert compile_template("{{ pin }} once", kind="html_template", variables=("alias", "pin")) is not first
    for number in range(300):
        compile_template(f"{{{{ pin }}}} {number}", kind="text_template", variables=["pin"])
    assert _compiled.cache_info().currsize <= 256


def test_one_template_serves_many_threads() -> None:
    template = compile_template(
        "{% for a in aliases %}{{ a }}{{ subject }}{% endfor %}", kind="text_template", variables=VARIABLES
    )
    wrong: list[str] = []

    def work(mark: str) -> None:
        values = {"aliases": [mark] * 3, "subject": mark}
        wrong.extend(out for _ in range(300) if (out := template.render(values)) != mark * 6)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@given(st.text(alphabet="{}%#|()[]'\"<>=-~.,: \nabcipx019_", max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_source_is_refused_stopped_or_rendered(source: str) -> None:
    for kind in ("text_template", "html_template"):
        try:
            out = compile_template("{% if pin %}" + source + "{% endif %}", kind=kind, variables=VARIABLES).render(
                VALUES
            )
        except (TemplateProblem, RenderProblem) as problem:
            assert problem.message
        else:
            assert isinstance(out, str)


EXPRESSIONS = st.recursive(
    st.sampled_from(["pin", "alias", "aliases", "guest_pin", "allow_guests", "1", "2.5", "'a'", "''", "none", "true"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "or"]), inner)
        .map(" ".join)
        .map("({})".format),
        st.tuples(
            inner, st.sampled_from(["upper", "length", "first", "int", "join", "abs", "pex_reverse", "string"])
        ).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        inner.map("(not {})".format),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} if {three[1]} else {three[2]})"),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS, st.sampled_from(["typical", "empty", "largest"]))
@settings(max_examples=150, deadline=None)
def test_any_expression_ends_in_text_or_a_problem(expression: str, size: str) -> None:
    try:
        out = text("{{ " + expression + " }}", sample_values(VARIABLES, size))
    except (TemplateProblem, RenderProblem) as problem:
        assert problem.message
    else:
        assert "\n" not in out


def test_sample_values_come_in_three_sizes() -> None:
    assert sample_values(["pin", "aliases", "allow_guests"], "empty") == {
        "pin": "",
        "aliases": [],
        "allow_guests": False,
    }
    largest = sample_values(["pin", "subject", "aliases"], "largest")
    assert [len(str(largest["pin"])), len(str(largest["subject"]))] == [20, 255]
    assert len(sample_values(["aliases"], "largest")["aliases"]) == 100  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        sample_values([], "huge")
