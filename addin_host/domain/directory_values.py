"""The grammar of single values of the directory: one for files, forms and the REST interface.

Each check returns the value as it is stored, or raises Bad. No message repeats a value that was not found good.
"""

from __future__ import annotations

import json
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from addin_host.domain.alias import is_alias
from addin_host.domain.validation import is_email

SERVICE_TYPES = ("conference", "lecture", "two_stage_dialing")
MAX_EXTRA = 64 * 1024
_MAX_ID = 2**31 - 1
_PIN = re.compile(r"[0-9]{4,20}")
# C0, C1, line separators, the characters that turn the direction of text, halves of surrogate pairs, non-characters.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_WORDS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}

Check = Callable[[Any], Any]


class Bad(Exception):
    """A value is refused; the text completes the sentence that the column's name begins."""


def text(limit: int) -> Callable[[Any], str]:
    """Return a check for one line of at most `limit` characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Bad("must be text.")
        line = unicodedata.normalize("NFC", value.strip())
        if _UNFIT.search(line):
            raise Bad("contains a line break, a control character or an invisible direction mark. Remove it.")
        if len(line) > limit:
            raise Bad(f"is {len(line)} characters long; at most {limit} are allowed. Shorten it.")
        return line

    return check


def required(check: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return a check that also refuses what is blank."""

    def check_required(value: Any) -> str:
        if not (found := check(value)):
            raise Bad("is missing. Enter a value.")
        return found

    return check_required


def nullable(check: Callable[[Any], str]) -> Callable[[Any], str | None]:
    """Return a check that takes None and blank for "there is none"."""
    return lambda value: None if value is None else check(value) or None


def email(value: Any) -> str:
    """Check an e-mail address."""
    address = text(100)(value)
    if address and not is_email(address):
        raise Bad("is not an e-mail address. Enter one such as alice@example.com.")
    # Databases differ in the lower case of letters beyond ASCII; stored in lower case they compare alike everywhere.
    return address if address.isascii() else address.lower()


def choice(choices: Sequence[str]) -> Callable[[Any], str]:
    """Return a check for one of the words; blank stands for the first of them."""

    def check(value: Any) -> str:
        word = text(32)(value).lower()
        if word and word not in choices:
            raise Bad(f"must be one of {', '.join(choices)}.")
        return word or choices[0]

    return check


service_type = choice(SERVICE_TYPES)


def flag(value: Any) -> bool:
    """Check a yes or no, as a truth value or in words."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word == "":
        return False
    if word not in _WORDS:
        raise Bad("must be true or false (yes and no, 1 and 0 will do).")
    return _WORDS[word]


def pin(value: Any) -> str:
    """Check a PIN; blank is none."""
    if not isinstance(value, str):
        raise Bad("must be text in quotes, so that zeros at its beginning are kept.")
    digits = value.strip()
    if digits and not _PIN.fullmatch(digits):
        raise Bad(
            "must be 4 to 20 digits and nothing else. If a spreadsheet changed it, "
            "format the column as text and enter it again."
        )
    return digits


def pin_flaws(host: str, guest: str, *, allow_guests: bool) -> Iterator[tuple[str, str]]:
    """Yield column and message of what is wrong between PINs and guests, as the conference platform sees it."""
    if not guest:
        return
    if not allow_guests:
        yield "guest_pin", "needs allow_guests to be true. Set it, or leave the guest PIN blank."
    elif not host:
        yield "pin", "is missing: with a guest PIN, hosts need one of their own. Enter it."
    if host == guest:
        yield "guest_pin", "must differ from the host PIN. Enter another one."


def alias(value: Any) -> str:
    """Check one alias."""
    if not isinstance(value, str) or not is_alias(value):
        raise Bad("is not an alias. Use only letters, digits and the characters . @ _ + - (250 at most).")
    return value


def aliases_of(value: Any) -> tuple[str, ...]:
    """Check a list of aliases; what else is said about an alias is left out."""
    return tuple(found for found, _description in described_aliases(value))


def described_aliases(value: Any) -> tuple[tuple[str, str | None], ...]:
    """Check a list of aliases (texts, or objects with `alias` and `description`); None is "nothing was said"."""
    if not isinstance(value, list | tuple):
        raise Bad('must be a list, such as ["alice@example.com", "1001"].')
    found = []
    for number, entry in enumerate(value, 1):
        record = entry if isinstance(entry, Mapping) else {"alias": entry}
        try:
            found.append((alias(record.get("alias")), _description(record)))
        except Bad as bad:
            raise Bad(f"entry {number} {bad}") from bad
    if len({name.lower() for name, _description_ in found}) < len(found):
        raise Bad("lists an alias twice. Remove one.")
    return tuple(found)


def _description(record: Mapping[str, Any]) -> str | None:
    given = record.get("description")
    return None if given is None else text(250)(given)


def number(most: int) -> Callable[[Any], int]:
    """Return a check for a whole number from 0 to `most`, also when it is written as text."""

    def check(value: Any) -> int:
        digits = value.strip() if isinstance(value, str) else value
        if isinstance(digits, str) and re.fullmatch(r"[0-9]{1,10}", digits):
            digits = int(digits)
        if not isinstance(digits, int) or isinstance(digits, bool) or not 0 <= digits <= most:
            raise Bad(f"must be a whole number from 0 to {most:,}.")
        return digits

    return check


def optional_number(most: int) -> Callable[[Any], int | None]:
    """Return a check for a whole number, or None when it is blank."""
    return lambda value: None if value is None or value == "" else number(most)(value)


reference = optional_number(_MAX_ID)
position = number(_MAX_ID)


def words(value: Any) -> list[str]:
    """Check a list of short texts."""
    if not isinstance(value, list | tuple) or len(value) > 1000:
        raise Bad("must be a list of at most 1,000 texts.")
    return [required(text(250))(entry) for entry in value]


def uuid_text(value: Any) -> str:
    """Check a UUID; returns it in its usual form."""
    try:
        return str(uuid.UUID(required(text(45))(value)))
    except ValueError as problem:
        raise Bad("must be a UUID, such as 2f1c8e9a-7b3d-4c5e-8f90-123456789abc.") from problem


def attributes(value: Any) -> dict[str, Any]:
    """Check what other programs keep with a VMR: an object of at most 64 KB."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Bad("must be an object.")
    try:
        written = json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as problem:
        raise Bad("must be an object of JSON values.") from problem
    # PostgreSQL stores no NUL, and text that is half of a surrogate pair cannot be sent to it.
    if len(written) > MAX_EXTRA or "\\u0000" in written or re.search(r"\\ud[89ab]..(?!\\ud[c-f])", written):
        raise Bad("must be at most 64 KB of ordinary text.")
    return dict(value)
