"""That a program was shown PINs through the REST interface stands in the audit log: once an hour for each API user.

A program that reads the directory every minute would otherwise fill the log with its own traces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from addin_host.domain.access import Caller
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store import marks
from addin_host.store.db import Database


def note(database: Database, objects: Iterable[Mapping[str, Any]], *, caller: Caller, now: datetime) -> None:
    """Write down that the caller is shown these VMRs, unless none has a PIN or it was written down in this hour."""
    if not any(one.get("pin") or one.get("guest_pin") for one in objects):
        return
    name, hour = f"pins shown to api:{caller.id}", now.strftime("%Y-%m-%dT%H")
    with database.read() as session:
        if marks.value(session, name, "") == hour:
            return
    with database.write() as session:
        mark = marks.locked(session, name, "")
        if mark.value == hour:
            return  # another request has written it down meanwhile
        mark.value = hour
        subject = Subject("vmr", "", "VMRs through the REST interface")
        audit.record(session, caller, "look at PINs", subject, now=now)
