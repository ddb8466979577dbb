"""One clean line, and HTML read as text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addin_host.domain.text import html_to_text, one_line, sanitise_html


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb", "a b"),
        ("  a \n\n\t b  ", "a b"),
        ("a  b", "a  b"),
        ("a\x00b\x1fc\x7fd\x9fe", "a b c d e"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("a\u202eb\u2066c\u2069d", "abcd"),
        ("\ud800a\udfff", "a"),
        ("Zoë 😀 שלום", "Zoë 😀 שלום"),
        ("\r\n", ""),
        ("", ""),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(alphabet=st.characters(codec=None), max_size=200))  # surrogates too
@settings(max_examples=300, deadline=None)
def test_one_line_is_always_clean_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    line.encode()
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or 0x202A <= ord(c) <= 0x202E]
    assert line == line.strip() == one_line(line)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>c", "a\nb\nc"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<h1>Title</h1>Text", "Title\n\nText"),
        ("  a \r\n b\n\n<b>c</b> d", "a b c d"),
        ("a &amp; b &lt;c&gt; &#233;", "a & b <c> é"),
        ('<a href="https://x.com/a?b=c&amp;d=e">https://x.com/a?b=c&amp;d=e</a>', "https://x.com/a?b=c&d=e"),
        ('Join <a href="https://x.com/">here</a> now', "Join here (https://x.com/) now"),
        ('<a href="mailto:a@x.com">a@x.com</a>', "a@x.com"),
        ('<a href="tel:+47123">Call</a>', "Call (+47123)"),
        ('<a href="https://x.com/"><img src="cid:x" alt="Logo"></a>', "Logo (https://x.com/)"),
        ('<a href="https://x.com/"></a>', "https://x.com/"),
        ("<a>x</a>", "x"),
        ("<ul><li>a</li><li>b</li></ul>c", "- a\n- b\n\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>d", "a b\nc\n\nd"),
        ("<br><br>a<br><br><br><br>b<br><br>", "a\n\nb"),
        ("", ""),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    assert html_to_text(sanitise_html(html)) == text


@given(st.text(alphabet="<>/abrdivpul&;= \n\"'", max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_sanitised_html_reads_without_a_blank_mess(source: str) -> None:
    text = html_to_text(sanitise_html(source))
    assert "\n\n\n" not in text
    assert text == text.strip("\n")
    assert all(line == line.strip() for line in text.split("\n"))
