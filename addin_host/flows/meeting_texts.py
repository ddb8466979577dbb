"""The texts of a single-use VMR: joining instructions, location, and the address to join at in a browser.

Most templates print variables and nothing else. These are rendered once, with a number and a tag that stand for those
to come; the text of a meeting is that text with its own number and tag in their place (performance.md).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from addin_host.domain.alias import AliasPattern, draw_alias
from addin_host.domain.integration import Integration
from addin_host.domain.tag import is_printed
from addin_host.domain.text import html_to_text
from addin_host.flows import written_texts

_INSTRUCTIONS, _LOCATION = "meeting_instructions_template", "single_use_location_template"
_WEB_LINK = re.compile(r'href="(https://[^"]*)"')
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class MeetingTexts:
    """What is inserted into an appointment; the instructions hold the tag, as HTML and as text."""

    instructions: str
    instructions_text: str
    location: str
    join_url: str


@dataclass(frozen=True, slots=True)
class _Given:
    """What the texts are made of besides number and tag."""

    instructions: str
    location: str
    addin_server_domain: str
    pattern: AliasPattern


def meeting_texts(integration: Integration, pattern: AliasPattern, numeric_alias: str, tag: str) -> MeetingTexts:
    """Return the texts of a meeting. Whatever the templates do, the instructions name the alias or show the tag."""
    given = _Given(
        str(integration[_INSTRUCTIONS] or ""),
        str(integration[_LOCATION] or ""),
        str(integration["addin_server_domain"]),
        pattern,
    )
    frame = _frame(given)
    return _made(given, numeric_alias, tag) if frame is None else frame.filled(numeric_alias, tag)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Texts in which `number` and `tag` stand for those of a meeting."""

    texts: MeetingTexts
    number: str
    tag: str

    def filled(self, number: str, tag: str) -> MeetingTexts:
        def own(text: str) -> str:
            # Between the tags only: the digits of a number may stand in a tag by chance.
            return tag.join(part.replace(self.number, number) for part in text.split(self.tag))

        made = self.texts
        return MeetingTexts(own(made.instructions), own(made.instructions_text), own(made.location), own(made.join_url))


@lru_cache(maxsize=1024)
def _frame(given: _Given) -> _Frame | None:
    """Return the texts to be filled in, or None where a template does more than print."""
    sources = {_INSTRUCTIONS: given.instructions, _LOCATION: given.location}
    if not all(written_texts.compiled(name, source).only_prints for name, source in sources.items()):
        return None
    number, tag = _stand_ins(given)
    frame, others = _Frame(_made(given, number, tag), number, tag), _stand_ins(given)
    return frame if frame.filled(*others) == _made(given, *others) else None


def _stand_ins(given: _Given) -> tuple[str, str]:
    """Return a number and a tag in their usual form that nothing else in the texts looks like."""
    tag = f"PXPS:-{''.join(secrets.choice(_LETTERS) for _letter in range(58))}#"
    known = "".join((given.instructions, given.location, given.addin_server_domain, given.pattern.domain))
    number = draw_alias(given.pattern).numeric
    while number in known:
        number = draw_alias(given.pattern).numeric
    return number, tag


def _made(given: _Given, number: str, tag: str) -> MeetingTexts:
    alias = f"{number}@{given.pattern.domain}"
    values = {
        "addin_server_domain": given.addin_server_domain,
        "alias": alias,
        "numeric_alias": number,
        "alias_uuid": tag,
    }
    otherwise = f"<div>Join the meeting at {alias}.</div>"
    instructions = written_texts.compiled(_INSTRUCTIONS, given.instructions)
    html = written_texts.rendered(_INSTRUCTIONS, instructions, values, otherwise=otherwise)
    if not is_printed(tag, html):
        html = f"{html}\n<div>{tag}</div>"
    location = written_texts.compiled(_LOCATION, given.location)
    usual = f"https://{given.addin_server_domain}/webapp/#/?conference={alias}"
    return MeetingTexts(
        html,
        html_to_text(html),
        written_texts.rendered(_LOCATION, location, values, otherwise=""),
        next(_links_with(number, html), usual),
    )


def _links_with(number: str, html: str) -> Iterator[str]:
    """Yield the web links that name the number, and not one that it is a part of."""
    named = re.compile(rf"(?<!\d){re.escape(number)}(?!\d)")
    yield from (link for link in map(unescape, _WEB_LINK.findall(html)) if named.search(unquote(link)))
