"""A REST request that is sent again with the same Idempotency-Key is carried out once.

The key is stored in the transaction of the change itself: either both are there, or neither. It is kept for 24 hours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.store.models import IdempotencyRow

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_AT_ONCE = "The same Idempotency-Key is in use by another request at this moment. Send the request again."


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that names itself: whose it is, its key, and the hash of what it asks for."""

    api_user_id: int
    key: str
    request_hash: str


def repeatable(api_user_id: int, key: str | None, *, path: str, body: bytes) -> Repeatable | None:
    """Return what identifies a request, or None when it carries no key. Raises Refused for a malformed key."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Refused(Reason.INVALID, "Idempotency-Key must be 1 to 128 visible ASCII characters.")
    return Repeatable(api_user_id, key, sha256(path.encode() + b"\n" + body).hexdigest())


def recall(session: Session, request: Repeatable | None, *, now: datetime) -> str | None:
    """Return the location that the first request was answered with, or None when this is the first.

    Raises Refused (CONFLICT) when the key was used for something else.
    """
    row = session.get(IdempotencyRow, (request.api_user_id, request.key)) if request else None
    if request is None or row is None or row.expires_at <= now:
        return None
    if row.request_hash != request.request_hash:
        raise Refused(Reason.CONFLICT, "This Idempotency-Key was used for another request. Use a new one.")
    return row.location


def claim(session: Session, request: Repeatable | None, *, now: datetime) -> IdempotencyRow | None:
    """Take a key before anything is carried out; the caller sets `location` afterwards.

    Raises Refused (CONFLICT) when the same request is under way in another process.
    """
    if request is None:
        return None
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.expires_at <= now))
    row = IdempotencyRow(
        api_user_id=request.api_user_id,
        key=request.key,
        request_hash=request.request_hash,
        status=201,
        location="",
        expires_at=now + KEPT,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as raced:
        raise Refused(Reason.CONFLICT, _AT_ONCE) from raced
    return row
