"""`addin-host backup` and `addin-host restore`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.flows import audit_log
from addin_host.flows import backup as backup_flow
from addin_host.flows import restore as restore_flow
from addin_host.store import vault
from addin_host.store.key_file import create_key_file, read_keys

_KEY_FILE = click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key of your backups (addin-host-backup.key beside the key file otherwise).",
)
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command(epilog="Example: addin-host backup /var/backups/addin-host-$(date +%F).backup")
@_FILE
@_KEY_FILE
@click.pass_obj
def backup(wiring: Wiring, file: Path, key_file: Path | None) -> None:
    """Write everything that the database holds into FILE, compressed and encrypted. Safe while the service runs.

    The key of backups is made when there is none. Secrets stay sealed inside with the service's own key, which is not
    in the backup: keep both key files, each apart from the backups.
    """
    key_file = key_file or _key_beside(wiring)
    if file.exists():
        raise Refused(Reason.CONFLICT, f"{file} exists. Name another file.")
    if not key_file.exists():
        create_key_file(key_file)
        click.echo(
            f"Made the key of your backups: {key_file}. Without it no backup can be read: keep a copy.", err=True
        )
    with wiring.database().snapshot() as session:
        _write(file, read_keys(key_file)[0], backup_flow.lines(session, now=wiring.now()))
        head = audit_log.head(session)
    click.echo(f"{file} is written ({file.stat().st_size} bytes). Head of the audit log: {head}")


def _key_beside(wiring: Wiring) -> Path:
    return wiring.load_settings().key_file.with_name("addin-host-backup.key")


def _write(file: Path, key: bytes, lines: Iterator[str]) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            vault.write_lines(opened, key, lines)
            opened.flush()
            os.fsync(descriptor)
        part.rename(file)
    except OSError as problem:
        raise Misconfigured(f"{file} cannot be written: {problem.strerror}.") from problem


@click.command(epilog="Example: addin-host restore /var/backups/addin-host-2026-11-23.backup")
@_FILE
@_KEY_FILE
@click.pass_obj
def restore(wiring: Wiring, file: Path, key_file: Path | None) -> None:
    """Read FILE into an empty database (addin-host db upgrade has made it), on SQLite or PostgreSQL.

    Everything is checked as if it was typed in; what does not pass is switched off and named. Put the service's own
    key file back as well: without it, secrets have to be entered again. Exit with 1 when something needs a look.
    """
    key_file, database = key_file or _key_beside(wiring), wiring.database()
    try:
        key = read_keys(key_file)[0]
        with file.open("rb") as opened, database.write() as session:
            lines = vault.read_lines(opened, key)
            done = restore_flow.restore(session, lines, trial=wiring.trial, caller=ON_THIS_MACHINE, now=wiring.now())
    except OSError as problem:
        raise Misconfigured(f"{problem.filename} cannot be read: {problem.strerror}.") from problem
    click.echo(f"{sum(done.counts.values())} rows of {len(done.counts)} tables are restored.")
    for sentence in (
        *done.quarantined,
        *([] if done.log.holds else [f"The audit log does not hold: {done.log.problem}"]),
    ):
        click.echo(sentence, err=True)
    raise SystemExit(0 if done.log.holds and not done.quarantined else 1)
