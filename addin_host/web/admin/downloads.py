"""The directory as a file, sent while it is read."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response

from addin_host.domain.directory import Kind, User, Vmr
from addin_host.domain.directory_file import csv_parts
from addin_host.flows import directory
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from addin_host.web.access import caller
from addin_host.web.services import services


def csv_download(kind: Kind, filename: str, *, with_pins: bool) -> Response:
    """Answer with all records of a kind, and write that down in the audit log first."""
    host = services()
    with host.database.write() as db:
        directory.note_export(db, filename, with_pins=with_pins, caller=caller(), now=host.now())
    parts = _parts(host.database, kind, host.box if with_pins else None)
    return attachment(parts, filename)


def attachment(parts: Iterator[str], filename: str) -> Response:
    """Answer with a CSV file; the byte order mark tells spreadsheets that it is UTF-8."""
    coded = (("\ufeff" if number == 0 else "") + part for number, part in enumerate(parts))
    response = Response((part.encode() for part in coded), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response


def _parts(database: Database, kind: Kind, box: SecretBox | None) -> Iterator[str]:
    with database.read() as db:
        records: Iterator[Vmr | User] = (
            directory.export_vmrs(db, box=box) if kind is Kind.VMR else directory.export_users(db)
        )
        yield from csv_parts(kind, records, with_pins=box is not None)
