"""What somebody types into the search of the directory: its words, and the part of a word that few records hold.

A word of three letters or more is looked for anywhere in names, descriptions, addresses and aliases, in any case. When
no word is that long, the longest one must stand at the beginning of a name, an address or an alias.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_TEXT = 250
_MAX_WORDS = 8
_GRAM = 3
_LONGEST_STRETCH = 12
_RARE = 0.02
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sought:
    """The words in lower case, the longest first."""

    words: tuple[str, ...]

    @property
    def prefix(self) -> bool:
        """Whether the first word must stand at the beginning."""
        return len(self.words[0]) < _GRAM


def sought(text: str) -> Sought | None:
    """Return what a text asks for, None when it is blank."""
    line = unicodedata.normalize("NFC", _UNFIT.sub(" ", text[:MAX_TEXT])).lower()
    words = list(dict.fromkeys(line.split()))[:_MAX_WORDS]
    return Sought(tuple(sorted(words, key=len, reverse=True))) if words else None


def grams(text: str) -> list[str]:
    """Return all runs of three characters."""
    return [text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)]


def rarest(words: Sequence[str], sample: Sequence[str]) -> str:
    """Return the piece of a word that an index finds fastest, judged by texts out of the records.

    Runs that many records share (such as `@example.com`) make an index read a lot and exclude nothing.
    """
    seen = Counter[str]()
    wanted = {gram for word in words for gram in grams(word)}
    for text in sample:
        seen.update(gram for gram in wanted if gram in text)
    stretches = (_stretch(word, seen, len(sample)) for word in words if len(word) >= _GRAM)
    return min(stretches, key=lambda found: found[0])[1]


def _stretch(word: str, seen: Counter[str], size: int) -> tuple[tuple[int, int], str]:
    """Return how often the piece's rarest run was seen (then the longer the better), and the piece around that run."""
    runs = grams(word)
    start = min(range(len(runs)), key=lambda at: seen[runs[at]])
    end, limit = start + 1, size * _RARE
    while end < len(runs) and seen[runs[end]] <= limit and end - start < _LONGEST_STRETCH:
        end += 1
    while start > 0 and seen[runs[start - 1]] <= limit and end - start < _LONGEST_STRETCH:
        start -= 1
    piece = word[start : end + _GRAM - 1]
    return (min(seen[gram] for gram in grams(piece)), -len(piece)), piece
