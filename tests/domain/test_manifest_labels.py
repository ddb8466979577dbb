"""Labels are cut at a word, and versions rise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addin_host.domain.manifest import cut_at_word, manifest_version
from addin_host.domain.manifest.values import length, version_parts


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("one two", 7, "one two"),
        ("one two three", 9, "one two"),
        ("one two three", 8, "one two"),
        ("one two three", 7, "one two"),
        ("one two three", 6, "one"),
        ("Donaudampfschiff", 5, "Donau"),
        ("🎥🎥🎥", 5, "🎥🎥"),
        ("", 5, ""),
    ],
)
def test_a_text_is_cut_at_a_word(text: str, limit: int, cut: str):
    assert cut_at_word(text, limit) == cut


@given(st.text(max_size=300), st.integers(1, 250))
def test_a_cut_text_fits_and_begins_the_original(text: str, limit: int):
    cut = cut_at_word(text, limit)
    assert length(cut) <= limit
    assert text.startswith(cut)
    assert cut == text or not cut[-1:].isspace()


@given(st.integers(0, 99_999_998))
def test_the_version_rises_with_the_counter_and_every_part_is_small(counter: int):
    version = manifest_version(counter)
    assert version_parts(version) < version_parts(manifest_version(counter + 1))
    assert all(part <= 9999 for part in version_parts(version))


def test_a_new_output_revision_outranks_every_counter():
    assert version_parts("2.0.0.1") > version_parts(manifest_version(99_999_999))
