"""One-time codes (RFC 6238) and recovery codes as the second proof of who somebody is (design/security.md S4)."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.errors import Invalid, Problem
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store.models import AccountRow
from addin_host.store.secrets import SecretBox

STEP_SECONDS = 30
DIGITS = 6
RECOVERY_CODES = 10
_KEY_BYTES = 20
_ISSUER = "addin-host"


def new_key() -> str:
    """Return a random key in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")


def address(key: str, name: str) -> str:
    """Return the otpauth:// address of a key, which authenticator apps read from a QR code."""
    return _totp(key).get_provisioning_uri(name, _ISSUER)


def qr_code(text: str) -> str:
    """Return a QR code as the address of an SVG picture (data:)."""
    return str(segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=3, light="#fff", dark="#000"))


def matching_step(key: str, code: str, *, now: datetime) -> int | None:
    """Return the time step that a code belongs to: the present one, or one step before or after it."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    present, totp = int(now.timestamp()) // STEP_SECONDS, _totp(key)
    steps = (present, present - 1, present + 1)
    matching = [step for step in steps if compare_digest(totp.generate(step * STEP_SECONDS), digits.encode())]
    return matching[0] if matching else None


def accept(account: AccountRow, code: str, *, box: SecretBox, now: datetime) -> str | None:
    """Return how a code proves the person ("one-time code", "recovery code"), and use it up; None when it does not.

    The row must be locked by the caller: a code is good for one use only.
    """
    if account.sealed_totp is None:
        return None
    step = matching_step(box.open(place(account.id), account.sealed_totp), code, now=now)
    if step is not None:
        if step <= account.totp_step:
            return None
        account.totp_step = step
        return "one-time code"
    given = recovery_hash(code)
    if given not in account.recovery_hashes:
        return None
    account.recovery_hashes = [kept for kept in account.recovery_hashes if kept != given]
    return "recovery code"


def switch_on(
    session: Session, account: AccountRow, key: str, code: str, *, box: SecretBox, caller: Caller, now: datetime
) -> list[str]:
    """Switch one-time codes on when `code` shows that the app has the key. Returns recovery codes. Raises Invalid."""
    step = matching_step(key, code, now=now)
    if step is None:
        raise Invalid([Problem("code", "", "The code does not fit this key. Enter the one that the app shows now.")])
    account.sealed_totp, account.totp_step = box.seal(place(account.id), key), step
    codes = _renewed(account)
    audit.record(session, caller, "switch on one-time codes", Subject("account", account.id, account.name), now=now)
    return codes


def renew_recovery_codes(session: Session, account: AccountRow, *, caller: Caller, now: datetime) -> list[str]:
    """Return fresh recovery codes; the old ones are worth nothing any more."""
    codes = _renewed(account)
    audit.record(session, caller, "renew recovery codes", Subject("account", account.id, account.name), now=now)
    return codes


def _renewed(account: AccountRow) -> list[str]:
    codes = new_recovery_codes()
    account.recovery_hashes = [recovery_hash(code) for code in codes]
    return codes


def place(account_id: int) -> str:
    """Return what a sealed key is bound to."""
    return f"account:{account_id}:totp"


def new_recovery_codes() -> list[str]:
    """Return fresh recovery codes, 80 random bits each, in groups that can be read out."""
    texts = (base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower() for _ in range(RECOVERY_CODES))
    return ["-".join(text[start : start + 4] for start in range(0, 16, 4)) for text in texts]


def recovery_hash(code: str) -> str:
    """Return what is stored of a recovery code; case, spaces and hyphens do not matter."""
    return sha256("".join(code.lower().replace("-", "").split()).encode()).hexdigest()


def _totp(key: str) -> TOTP:
    return TOTP(base64.b32decode(key), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - what authenticator apps speak
