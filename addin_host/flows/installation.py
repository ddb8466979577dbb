"""What proves from outside that an address leads to this installation."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

from addin_host.store.secrets import SecretBox

_PURPOSE = "installation proof"


def prover(box: SecretBox) -> Callable[[str], str]:
    """Return what answers a nonce: all processes with the same key file give the same answer, and nobody else can."""
    key = box.derived(_PURPOSE)[0]
    return lambda nonce: hmac.new(key, nonce.encode("ascii"), sha256).hexdigest()
