"""Encrypted files: compressed, in pieces that each prove themselves, so that memory stays flat and no byte can change.

A file begins with a mark and a random salt. From the salt and the key comes a key for this file alone; with it each
piece is sealed by AES-256-GCM under its number and whether it is the last one. A piece that was changed, moved, left
out or added, and a file cut short, open nowhere.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from addin_host.domain.errors import Reason, Refused

_MARK = b"addin-host backup 1\n"
_SALT = 16
_PIECE = 64 * 1024
_TAG = 16
_MAX_LINE = 128 * 1024 * 1024


def write_lines(file: BinaryIO, key: bytes, lines: Iterable[str]) -> None:
    """Write lines (without their ends) into an encrypted file."""
    salt = os.urandom(_SALT)
    file.write(_MARK + salt)
    cipher, number, waiting = _cipher(key, salt), 0, b""
    for chunk in _compressed(lines):
        waiting += chunk
        while len(waiting) > _PIECE:
            file.write(cipher.encrypt(_nonce(number, last=False), waiting[:_PIECE], _MARK))
            number, waiting = number + 1, waiting[_PIECE:]
    file.write(cipher.encrypt(_nonce(number, last=True), waiting, _MARK))


def _compressed(lines: Iterable[str]) -> Iterator[bytes]:
    packer = zlib.compressobj(6)
    for line in lines:
        yield packer.compress(line.encode("utf-8") + b"\n")
    yield packer.flush()


def read_lines(file: BinaryIO, key: bytes) -> Iterator[str]:
    """Return the lines of an encrypted file. Raises Refused when it is another file, damaged, or of another key."""
    if file.read(len(_MARK)) != _MARK:
        raise Refused(Reason.INVALID, "This is not a backup of addin-host.")
    unpacker, line = zlib.decompressobj(), b""
    for piece in _pieces(file, _cipher(key, file.read(_SALT))):
        while piece:
            line += unpacker.decompress(piece, _PIECE * 16)
            piece = unpacker.unconsumed_tail  # noqa: PLW2901 - what did not fit into the bound
            *whole, line = line.split(b"\n")
            if len(line) > _MAX_LINE:
                raise _damaged()
            yield from (text.decode("utf-8") for text in whole)


def _pieces(file: BinaryIO, cipher: AESGCM) -> Iterator[bytes]:
    number, piece = 0, file.read(_PIECE + _TAG)
    while True:
        following = file.read(_PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), piece, _MARK)
        except InvalidTag as problem:
            raise _damaged() from problem
        if not following:
            return
        number, piece = number + 1, following


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=_MARK).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _damaged() -> Refused:
    return Refused(
        Reason.INVALID,
        "This backup cannot be read: it is damaged or cut short, or it was encrypted with another key file.",
    )
