"""One process at a time: a lease in the database that runs out by itself when its holder is gone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.store.models import MarkRow


def take(session: Session, name: str, *, holder: str, lasts: timedelta, now: datetime) -> bool:
    """Take a lease or prolong it; False while somebody else holds it. The clocks of processes are taken to agree."""
    value = json.dumps({"holder": holder, "until": (now + lasts).isoformat()})
    row = session.scalar(select(MarkRow).where(MarkRow.name == name).with_for_update())
    if row is None:
        try:
            with session.begin_nested():
                session.add(MarkRow(name=name, value=value))
        except IntegrityError:
            return False  # another process took it in this instant
        return True
    held = json.loads(row.value)
    if held["holder"] != holder and datetime.fromisoformat(held["until"]) > now:
        return False
    row.value = value
    return True


def give_back(session: Session, name: str, *, holder: str) -> None:
    """Let the next process have a lease at once."""
    row = session.scalar(select(MarkRow).where(MarkRow.name == name).with_for_update())
    if row is not None and json.loads(row.value)["holder"] == holder:
        session.delete(row)
