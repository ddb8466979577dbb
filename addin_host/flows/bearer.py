"""The pane's bearer: a short signed statement of who is signed in to which integration.

It lives ten minutes. One that came from the dialog is renewed while the dialog's session lasts; in the place of one
that an identity token was exchanged for, the pane brings the next token (design/outlook.md 4.7). It is never a cookie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from addin_host.domain.errors import Reason, Refused

LIFETIME = timedelta(minutes=10)
PURPOSE = "pane-bearer"
_ALGORITHM = "HS256"
_ISSUER = "addin-host"
_REQUIRED = ["exp", "iat", "aud", "iss", "sub", "jti"]


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a valid bearer says.

    `caller` stands for the person, whichever way in was taken, as far as we know them; `visit` for the pane that asked.
    `user_id` is None for a person whom the directory does not know, `session_id` without a session of the dialog.
    """

    caller: str
    visit: str
    user_id: int | None = None
    session_id: int | None = None


def caller_of_user(user_id: int) -> str:
    """Return the `caller` of somebody whom the directory knows."""
    return f"user:{user_id}"


def issue(bearer: Bearer, *, integration_id: int, keys: Sequence[bytes], now: datetime) -> str:
    """Return a signed bearer for one user at one integration."""
    claims = {
        "iss": _ISSUER,
        "aud": _audience(integration_id),
        "sub": bearer.caller,
        "jti": bearer.visit,
        "usr": bearer.user_id,
        "sid": bearer.session_id,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, keys[0], algorithm=_ALGORITHM)


def verify(token: str, *, integration_id: int, keys: Sequence[bytes], now: datetime) -> Bearer:
    """Return what the bearer says. Raises Refused when it is expired, altered or another integration's."""
    for key in keys:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=_audience(integration_id),
                issuer=_ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "strict_aud": True},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError as problem:
            raise _refused() from problem
        if not int(claims["iat"]) - 60 <= now.timestamp() < int(claims["exp"]):
            raise _refused()
        return Bearer(claims["sub"], claims["jti"], claims.get("usr"), claims.get("sid"))
    raise _refused()


def _audience(integration_id: int) -> str:
    return f"integration:{integration_id}"


def _refused() -> Refused:
    return Refused(Reason.UNAUTHENTICATED, "Your sign-in has expired. Sign in again.")
