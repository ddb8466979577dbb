"""Tags: what they look like, what they survive, and that nothing else is taken for one."""

import base64
import quopri
import random
import time
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addin_host.domain.tag import LONGEST_BODY, Kind, Tag, find_tags, is_printed, print_tag

KEYS = {1: bytes(range(32)), 2: bytes(range(32, 64))}
ALIAS = Tag(Kind.ALIAS, 2, 517, uuid.UUID("6a9f1c52-3f5e-4a53-9a43-2f9be1d0a001"))
PLACEHOLDER = Tag(Kind.PLACEHOLDER, 1, 9, uuid.UUID(int=7), datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC))
BOTH = pytest.mark.parametrize("tag", [ALIAS, PLACEHOLDER], ids=["PXPS", "TOK"])


def found(text, *, is_html=False):
    return find_tags(text, KEYS, is_html=is_html)


@BOTH
def test_a_tag_has_its_length_and_says_everything(tag):
    text = print_tag(tag, KEYS)
    assert len(text) == {Kind.ALIAS: 65, Kind.PLACEHOLDER: 70}[tag.kind]
    assert text.startswith(f"{tag.kind}:-")
    assert text.endswith("#")
    assert found(text) == (tag,)


def test_a_placeholder_without_its_time_is_not_printed():
    for wrong in (
        Tag(Kind.PLACEHOLDER, 1, 9, uuid.UUID(int=7)),
        Tag(Kind.ALIAS, 1, 9, uuid.UUID(int=7), datetime.now(UTC)),
    ):
        with pytest.raises(ValueError, match="issued"):
            print_tag(wrong, KEYS)


def middle(text, between):
    return f"{text[:31]}{between}{text[31:]}"


def wide(text):
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


# Each takes the text of a tag; design/scheduling.md 6.2 lists what mail programs do.
PLAIN = {
    "plain": lambda t: f"Join here\r\n{t}\r\nThanks",
    "hard wrap": lambda t: middle(t, "\r\n"),
    "wrap by carriage return": lambda t: middle(t, "\r"),
    "tab": lambda t: middle(t, "\t"),
    "a blank between all": " ".join,
    "lower case": str.lower,
    "mixed case": lambda t: t[:20].lower() + t[20:],
    "no-break space": lambda t: middle(t, "\u00a0"),
    "Mongolian vowel separator": lambda t: middle(t, "\u180e"),
    "zero width space": lambda t: middle(t, "\u200b"),
    "zero width joiner": lambda t: middle(t, "\u200d"),
    "word joiner": lambda t: middle(t, "\u2060"),
    "byte order mark": lambda t: f"\ufeff{middle(t, chr(0xFEFF))}",
    "soft hyphen": lambda t: middle(t, "\u00ad"),
    "bidi marks": lambda t: f"\u202a\u2066{middle(t, chr(0x200E))}\u2069\u202c",
    "reply quoting": lambda t: f"> {t[:31]}\n> {t[31:]}",
    "reply to a reply": lambda t: f">> > {t[:31]}\n\u00a0>> >\t{t[31:]}",
    "non-breaking hyphen": lambda t: t.replace("-", "\u2011"),
    "en dash": lambda t: t.replace("-", "\u2013"),
    "em dash": lambda t: t.replace("-", "\u2014"),
    "minus": lambda t: t.replace("-", "\u2212"),
    "small hyphen": lambda t: t.replace("-", "\ufe63"),
    "small em dash": lambda t: t.replace("-", "\ufe58"),
    "no hyphen": lambda t: t.replace("-", ""),
    "two hyphens": lambda t: t.replace("-", "--"),
    "no number sign": lambda t: t.removesuffix("#"),
    "no number sign, text behind": lambda t: f"{t.removesuffix('#')} Please join early",
    "no number sign, another tag behind": lambda t: f"{t.removesuffix('#')} {print_tag(ALIAS, {2: b'another'})}",
    "a damaged tag before": lambda t: f"{t[:-2]}\n{t}",
    "full-width colon and number sign": lambda t: t.replace(":", "\uff1a").replace("#", "\uff03"),
    "full-width hyphen": lambda t: t.replace("-", "\uff0d"),
    "all full-width": wide,
    "mathematical letters": lambda t: "".join(chr(0x1D400 + ord(c) - 65) if "A" <= c <= "Z" else c for c in t),
    "quoted-printable": lambda t: quopri.encodestring(f"{'x' * 40}\u00e4 {t}".encode()).decode(),
    "quoted-printable, decoded": lambda t: quopri.decodestring(
        quopri.encodestring(f"{'x' * 40} {t}".encode())
    ).decode(),
    "a word before": lambda t: f"tag:{t}",
}
HTML = {
    "plain": lambda t: f"<p>{t}</p>",
    "br": lambda t: middle(t, "<br>"),
    "br with a break": lambda t: middle(t, "<br/>\r\n"),
    "span": lambda t: middle(t, '</span><span lang=EN style="mso-x:y">'),
    "wbr": lambda t: middle(t, "<wbr>"),
    "nbsp": lambda t: middle(t, "&nbsp;"),
    "shy": lambda t: middle(t, "&shy;"),
    "zwsp": lambda t: middle(t, "&#8203;"),
    "ndash": lambda t: t.replace("-", "&ndash;"),
    "numeric entities": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "hexadecimal entities": lambda t: "".join(f"&#x{ord(c):X};" for c in t),
    "conditional comment": lambda t: middle(t, "<!--[if mso]><td>PXPS:-X#</td><![endif]-->"),
    "conditional comment for others": lambda t: middle(t, "<![if !mso]><b></b><![endif]>"),
    "auto-link": lambda t: f'{t[:6]}<a href="https://links.example.com/?u={t}&amp;x=1">{t[6:-1]}</a>#',
    "reply quoting": lambda t: f"&gt; {t[:31]}\n&gt; {t[31:]}",
    "style before": lambda t: f"<style><!-- p > a {{x: '<'}} --></style><script>if (a<b) x('</p>')</script >{t}",
    "a comment that never ends": lambda t: f"<!-- <b>{t}</b>",
    "a style that never ends": lambda t: f"<STYLE>{t}",
    "a sign that is no tag": lambda t: f"3 < 5 and <3 {t} <br>",
    "an ending that is cut off": lambda t: f"<div>{t}<di",
    "quoted-printable": lambda t: quopri.encodestring(f'<p style="x">{"x" * 40} {t}</p>'.encode()).decode(),
}


@BOTH
@pytest.mark.parametrize("name", PLAIN)
def test_text_survives(tag, name):
    assert tag in found(PLAIN[name](print_tag(tag, KEYS)))


@BOTH
@pytest.mark.parametrize("name", [*HTML, *(f"{name}, escaped" for name in PLAIN)])
def test_html_survives(tag, name):
    text = print_tag(tag, KEYS)
    body = HTML[name](text) if name in HTML else PLAIN[name.removesuffix(", escaped")](text).replace(">", "&gt;")
    assert tag in found(body, is_html=True)


NOISE = st.sampled_from(
    ["", "", "", " ", "\n", "\r\n> ", "\u200b", "\u00ad", "<b>", "</b>", "<!-- x -->", "&nbsp;", "&#8203;", "\t"]
)


@BOTH
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_mixture_survives(tag, data):
    text = print_tag(tag, KEYS)
    noise = data.draw(st.lists(NOISE, min_size=len(text), max_size=len(text)))
    body = "".join(letter + between for letter, between in zip(text, noise, strict=True))
    assert found(body, is_html=True) == (tag,)


@settings(max_examples=200, deadline=None)
@given(body=st.text(st.sampled_from("PXSTOK:-#A2\u00ad<>!=&;'\" \n\u212a\u017f\u0130")), is_html=st.booleans())
def test_no_text_is_a_tag_or_a_failure(body, is_html):
    assert found(body, is_html=is_html) == ()


def printed(kind, raw):
    return f"{kind}:-{base64.b32encode(raw).decode().rstrip('=')}#"


def raw_of(tag):
    letters = print_tag(tag, KEYS).partition("-")[2].rstrip("#")
    return base64.b32decode(letters + "=" * (-len(letters) % 8))


def flipped(raw, bit):
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@BOTH
def test_no_single_bit_may_differ(tag):
    raw = raw_of(tag)
    assert found(printed(tag.kind, raw)) == (tag,)
    assert [bit for bit in range(len(raw) * 8) if found(printed(tag.kind, flipped(raw, bit)))] == []


@BOTH
def test_a_thousand_random_changes_are_refused(tag):
    chance, raw, text = random.Random(4), raw_of(tag), print_tag(tag, KEYS)
    for _time in range(1000):
        changed = raw
        for bit in chance.sample(range(len(raw) * 8), chance.randint(1, 12)):
            changed = flipped(changed, bit)
        assert found(printed(tag.kind, changed)) == ()
        at = chance.randrange(text.index("-") + 1, len(text) - 1)
        other = chance.choice([letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" if letter != text[at]])
        assert found(f"{text[:at]}{other}{text[at + 1 :]}") == (), "the last letter has bits that mean nothing"


@BOTH
def test_a_shortened_or_lengthened_id_is_refused(tag):
    text = print_tag(tag, KEYS)
    for cut in range(1, 20):
        assert found(f"{text[: -1 - cut]}#") == ()
        assert found(f"{text[: -1 - cut]}{'A' * cut}#") == ()
    assert found(f"{text[:10]}A{text[10:]}") == ()


def test_a_kind_cannot_be_passed_off_as_the_other():
    promised, handed_out = print_tag(PLACEHOLDER, KEYS), print_tag(ALIAS, KEYS)
    assert found(promised.replace("TOK", "PXPS")) == ()
    assert found(f"{handed_out.replace('PXPS', 'TOK').rstrip('#')}AAAAAA#") == ()


def test_another_key_verifies_nothing():
    text = print_tag(ALIAS, KEYS)
    assert find_tags(text, {2: KEYS[1]}, is_html=False) == ()
    assert find_tags(text, {1: KEYS[2]}, is_html=False) == ()


def test_the_integration_is_told_whoever_it_is():
    other = Tag(Kind.ALIAS, 2, 518, ALIAS.uuid)
    assert [tag.integration_id for tag in found(print_tag(other, KEYS))] == [518]
    assert print_tag(other, KEYS) != print_tag(ALIAS, KEYS)


def test_tags_come_in_order_and_once():
    one, two = print_tag(ALIAS, KEYS), print_tag(PLACEHOLDER, KEYS)
    assert found(f"{two} {one} {one.lower()} {two}{one}") == (PLACEHOLDER, ALIAS)


def test_printed_means_where_people_read():
    text = print_tag(ALIAS, KEYS)
    assert is_printed(text, f"<p>{text}</p>")
    for hidden in (
        f'<a href="https://x/{text}">join</a>',
        f"<!-- {text} -->",
        text.lower(),
        "",
        f"<style>{text}</style>",
    ):
        assert not is_printed(text, hidden)


HOSTILE = {
    "comments that never end": "<!--",
    "comments that end at once": "<!---->",
    "signs": "<",
    "tags that never end": "<a ",
    "styles that never end": "<style>",
    "style and script by turns": "<style><script>",
    "ends of styles": "</style ",
    "spaces": " ",
    "quotes": ">",
    "lines of quotes": " > > \n",
    "references": "&amp",
    "numbers": "&#" + "9" * 500,
    "prefixes": "PXPS:-",
    "hyphens": "PXPS:-" + "-" * 500,
    "wrong tags": "TOK:-" + "A" * 64,
    "letters": "A",
    "combining marks": "\u0301\u0316",
    "ligatures": "\ufdfa",
    "equal signs": "= \r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_in_proportion_to_the_length(name):
    piece = HOSTILE[name]
    body = (piece * (1_000_000 // len(piece)))[:1_000_000]
    begun = time.thread_time()
    assert found(body, is_html=True) == ()
    assert time.thread_time() - begun < 3, "a quadratic search takes minutes"


def test_a_number_that_never_ends_is_no_failure():
    assert found("&#" + "1" * 100_000 + print_tag(ALIAS, KEYS), is_html=True) == (ALIAS,)


def test_what_stands_beyond_the_longest_body_is_not_looked_at():
    text = print_tag(ALIAS, KEYS)
    assert found(" " * LONGEST_BODY + text) == ()
