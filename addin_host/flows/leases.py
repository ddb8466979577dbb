"""One process at a time: a lease in the database that runs out by itself when its holder is gone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from addin_host.store import marks


def take(session: Session, name: str, *, holder: str, lasts: timedelta, now: datetime) -> bool:
    """Take a lease or prolong it; False while somebody else holds it. The clocks of processes are taken to agree."""
    wanted = json.dumps({"holder": holder, "until": (now + lasts).isoformat()})
    mark = marks.locked(session, name, wanted)
    held = json.loads(mark.value)
    if held["holder"] != holder and datetime.fromisoformat(held["until"]) > now:
        return False
    mark.value = wanted
    return True


def give_back(session: Session, name: str, *, holder: str, now: datetime) -> None:
    """Let the next process have a lease at once."""
    take(session, name, holder=holder, lasts=timedelta(), now=now)
