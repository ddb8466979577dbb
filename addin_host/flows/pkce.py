"""Random values and their public counterparts, as in PKCE (RFC 7636)."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    """Return 256 random bits in base64url, 43 characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the hash under which a random value is stored."""
    return sha256(secret.encode()).hexdigest()


def challenge(verifier: str) -> str:
    """Return the base64url SHA-256 of a verifier, without padding."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode("ascii")


def is_challenge(text: str) -> bool:
    """Whether the text has the form of a challenge."""
    return bool(_CHALLENGE.fullmatch(text))
