"""What a password must be: long, not the name, and not one that everybody tries first."""

from __future__ import annotations

import re
from itertools import pairwise

MIN_LENGTH = 12
MAX_LENGTH = 256
_FEW_CHARACTERS = 5
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop")
# What is left of the passwords that are tried first once digits and marks around and between are taken away.
_TRIED_FIRST = """
    password passwort motdepasse contrasena contraseña administrator administrador administrateur admin root
    letmein welcome willkommen bienvenue changeme changeit iloveyou trustno sunshine princess football baseball
    superman batman dragon monkey master shadow michael jennifer internet computer starwars whatever hello
    secret supersecret default guest temporary temp test testing example qwerty qwertz azerty asdf zxcv
    passwordpassword adminadmin administratorpassword adminpassword passwordadmin welcomewelcome secretpassword
    mypassword thisismypassword companypassword summer winter spring autumn monday january outlook exchange
    microsoft meeting conference addinhost videoconference correcthorsebatterystaple
"""
_COMMON = frozenset(_TRIED_FIRST.split())
_LEET = str.maketrans("@0134$57!", "aoleassti")
_LETTERS = re.compile(r"[^\W\d_]+")
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def password_problem(password: str, name: str) -> str | None:
    """Return what is wrong with a password for the account of this name, as a sentence, or None."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return (
            f"Use {MIN_LENGTH} to {MAX_LENGTH} characters. Several words that do not belong together are easy to keep."
        )
    plain = password.lower()
    if name and _only_letters(plain) == _only_letters(name.lower()) != "":
        return "The password is the name with little added. Choose another one."
    if len(set(plain)) < _FEW_CHARACTERS or _is_row(plain):
        return "The password repeats a few characters or a row of keys. Choose another one."
    if {_only_letters(plain), _only_letters(_ENDS.sub("", plain).translate(_LEET))} & _COMMON:
        return "The password is one of those that are tried first. Choose another one."
    return None


def _only_letters(text: str) -> str:
    return "".join(_LETTERS.findall(text))


def _is_row(text: str) -> bool:
    """Whether the text walks along rows of keys, such as abcdefghijkl or 12345qwertyui."""
    steps = {first + second for first, second in pairwise(text)}
    along = [step for step in steps if any(step in row or step[::-1] in row for row in _ROWS)]
    return len(along) >= 0.75 * len(steps)
