"""Encrypted files: what is written comes back, and nothing else is ever read."""

import io

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from addin_host.domain.errors import Refused
from addin_host.store import vault

KEY = Fernet.generate_key()


def written(lines, key=KEY):
    file = io.BytesIO()
    vault.write_lines(file, key, lines)
    return file.getvalue()


def read(data, key=KEY):
    return list(vault.read_lines(io.BytesIO(data), key))


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
@settings(max_examples=50, deadline=None)
def test_lines_come_back(lines):
    assert read(written(lines)) == lines


def test_many_pieces_come_back():
    import random

    noise = random.Random(1)
    lines = [noise.randbytes(50_000).hex() for _ in range(20)]
    data = written(lines)
    assert len(data) > 5 * 64 * 1024
    assert read(data) == lines


def test_what_compresses_well_comes_back():
    assert read(written(["x" * 10_000_000])) == ["x" * 10_000_000]


def test_two_files_of_the_same_lines_differ():
    assert written(["a"])[36:] != written(["a"])[36:]


@pytest.fixture(scope="module")
def several():
    import random

    return written([random.Random(2).randbytes(100_000).hex()])


def test_every_flipped_byte_is_refused():
    data = written(["a secret line"])
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1
        with pytest.raises(Refused):
            read(bytes(altered))


PIECE = 64 * 1024 + 16


@pytest.mark.parametrize(
    "alter",
    [
        lambda data: data[:-1],
        lambda data: data[: 36 + PIECE],
        lambda data: data + b"x",
        lambda data: data[:36] + data[36 + PIECE :],
        lambda data: data[:36] + data[36 + PIECE : 36 + 2 * PIECE] + data[36 : 36 + PIECE] + data[36 + 2 * PIECE :],
        lambda data: data[: 36 + PIECE] + data[36:],
        lambda data: data[:36],
        lambda data: data[:10],
        lambda data: data[:0],
    ],
)
def test_pieces_cannot_be_cut_moved_or_repeated(several, alter):
    with pytest.raises(Refused):
        read(alter(several))


def test_another_key_is_refused():
    with pytest.raises(Refused, match="another key file"):
        read(written(["a"]), Fernet.generate_key())
