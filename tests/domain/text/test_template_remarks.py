"""What a person is told about HTML: what is not closed, what will be taken out, what fixes black or white."""

from __future__ import annotations

import time

import pytest

from addin_host.domain.fields import FIELDS
from addin_host.domain.text import html_remarks, without_fixed_colours

HTML = [field for field in FIELDS if field.kind in ("html_template", "static_html")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<p>a\n <b>b</p>", "line 2, column 2: <b> is opened here and not closed. It is closed where <p> ends."),
        ("a\n\n<div>b", "line 3, column 1: <div> is opened here and not closed. It is closed at the end of the text."),
        ("<p>a<p>b</p>", "line 1, column 1: <p> is opened here and not closed. It is closed before the next <p>."),
        ("a</em>", "line 1, column 2: </em> closes nothing here. It is left out."),
        ('x <a href="y', "line 1, column 3: This tag has no > at its end. It is left out."),
        ("<script>x</script>", "line 1, column 1: <script> is taken out, with everything in it."),
        ("<font>x</font>", "line 1, column 1: <font> is taken out; the text inside it stays."),
        ("<p id='a' class=b>x</p>", "line 1, column 1: class and id of <p> are taken out."),
        ("<p onclick='a'>x</p>", "line 1, column 1: onclick of <p> is taken out."),
        ("<p style='position:fixed; color:red'>x</p>", "style of <p>: position:fixed."),
        ("<a href='javascript:x'>x</a>", "The href of <a> is taken out"),
        ("<a href='/page'>x</a>", "The href of <a> is taken out"),
        ("<!--[if mso]><b>x</b><![endif]-->", "The conditional comment is taken out, with everything in it."),
        ("<!-- x -->", "The comment is taken out."),
        ("<!DOCTYPE html>", "is taken out."),
    ],
)
def test_one_fault_is_told_once_with_its_place(source: str, said: str) -> None:
    (remark,) = html_remarks(source)
    assert said in str(remark)


@pytest.mark.parametrize(
    "source",
    [
        "a < b & c > d",
        "<br><br/><img src='https://a.example/x.png'>",
        "<a href='{{ link }}'>x</a><a href='https://{{ host }}/{{ x }}'>y</a><a href='mailto:a@example.com'>z</a>",
        "{% if a %}<b>{% endif %}x{% if a %}</b>{% endif %}",
        "<p style='color:{{ x }}'>{# <b> #}{{ '<i>' }}</p>",
        "<ul><li>a</li><li>b</li></ul>",
    ],
)
def test_good_html_has_no_remarks(source: str) -> None:
    assert html_remarks(source) == ()


@pytest.mark.parametrize("field", HTML, ids=lambda field: field.name)
def test_every_default_is_closed_and_gets_a_version_without_black(field) -> None:  # type: ignore[no-untyped-def]
    assert html_remarks(field.default) == ()
    safe = without_fixed_colours(field.default)
    assert "#000000" in field.default
    assert safe == field.default.replace(" color:#000000;", "")


@pytest.mark.parametrize(
    ("source", "safe"),
    [
        ('<p style="color: #000">x</p>', "<p>x</p>"),
        ("<td bgcolor='white' align=left>x</td>", "<td align=left>x</td>"),
        ('<p style="BACKGROUND:#FFFFFF !important; margin:0">x</p>', '<p style="margin:0">x</p>'),
        ('<p style="color:rgb(0, 0, 0);font-size:9pt">x</p>', '<p style="font-size:9pt">x</p>'),
        (
            '<p style="color:#000001; border-color:#000000">x</p>',
            '<p style="color:#000001; border-color:#000000">x</p>',
        ),
        ('say color="#000000" or style="color:black"', 'say color="#000000" or style="color:black"'),
        ('<p style="{{ x }};color:#000000">', '<p style="{{ x }};color:#000000">'),
    ],
)
def test_only_fixed_black_and_white_go(source: str, safe: str) -> None:
    assert without_fixed_colours(source) == safe


@pytest.mark.parametrize(
    "piece", ["<b>", "<!--", "<a href='", "</p>", "<![", "{{", "<p style='a:b;'>", "< style=", "&#"]
)
def test_hostile_sources_are_read_in_time(piece: str) -> None:
    source = (piece * 12_288)[:12_288]
    began = time.process_time()
    assert len(html_remarks(source)) <= 20
    without_fixed_colours(source)
    assert time.process_time() - began < 2
