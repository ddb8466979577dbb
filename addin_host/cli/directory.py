"""`addin-host directory`: users and VMRs as files, lists and single records."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.directory import Kind, Submitted, Survey, User, Vmr
from addin_host.domain.directory_file import read_csv, read_json, write_csv, write_json
from addin_host.domain.errors import Invalid, Problem
from addin_host.flows import directory as flow
from addin_host.flows import users, vmrs
from addin_host.flows.directory import UserLine, VmrLine
from addin_host.flows.directory_import import Outcome, import_records, note_import

_SHOWN = 100
_KINDS = {"vmrs": Kind.VMR, "users": Kind.USER}
_EXIT_CODES = "\n\n\b\nExit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage."

_kind = click.option(
    "--kind", type=click.Choice(list(_KINDS)), default="vmrs", show_default=True, help="Which records."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(epilog=f"The files and their columns are described in docs/directory.md.{_EXIT_CODES}")
def directory() -> None:
    """Import, list, export and delete users and VMRs."""


@directory.command(
    "import",
    epilog=f"""\b
Examples:
  addin-host directory import vmrs.csv --dry-run
  addin-host directory import vmrs.csv
  addin-host directory import people.csv --kind users
  addin-host directory import everything.json{_EXIT_CODES}""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything and tell what would happen; change nothing.")
@_kind
@_json
@click.pass_obj
def import_(wiring: Wiring, file: Path, dry_run: bool, kind: str, as_json: bool) -> None:
    """Import users and VMRs from FILE (.csv or .json): all of it, or nothing when one row is wrong.

    A VMR with the same name is changed, a user with the same address too. A column that FILE does not have stays as it
    is stored; a blank cell clears. A .csv holds one kind (--kind), a .json both.
    """
    _require_suffix(file)
    try:
        outcome = _import(wiring, file, _KINDS[kind], dry_run)
    except Invalid as refusal:
        _print_problems(refusal.problems, as_json)
        raise SystemExit(1) from refusal
    _print_outcome(outcome, dry_run, as_json)


def _import(wiring: Wiring, file: Path, kind: Kind, dry_run: bool) -> Outcome:
    database, box = wiring.database(), wiring.secret_box()
    size = file.stat().st_size
    with _progress("Importing", 2 * size) as advance:
        survey = Survey().take_all(_ticking(_records(file, kind), advance))
        with database.read() if dry_run else database.write() as session:
            records = _ticking(_records(file, kind), advance)
            now = wiring.now()
            outcome = import_records(session, records=records, survey=survey, box=box, now=now, dry_run=dry_run)
            if not dry_run:
                note_import(session, outcome, file.name, caller=ON_THIS_MACHINE, now=now)
            return outcome


def _require_suffix(file: Path) -> None:
    if file.suffix.lower() not in (".csv", ".json"):
        raise click.UsageError("FILE must end with .csv or .json.")


def _records(file: Path, kind: Kind) -> Iterator[Submitted]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        yield from read_json(_text(stream)) if file.suffix.lower() == ".json" else read_csv(stream, kind)


def _text(stream: TextIO) -> str:
    try:
        return stream.read()
    except UnicodeDecodeError as problem:
        raise Invalid([Problem("", "", "The file is not in UTF-8. Save it in UTF-8 and try again.")]) from problem


@contextmanager
def _progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    stream = sys.stderr
    steps = max(1, length // 200)
    with click.progressbar(
        length=length, label=label, file=stream, hidden=not stream.isatty(), update_min_steps=steps
    ) as bar:
        yield bar.update


def _ticking(records: Iterable[Submitted], advance: Callable[[int], None]) -> Iterator[Submitted]:
    done = 0
    for submitted in records:
        yield submitted
        advance(submitted.position - done)
        done = submitted.position


def _print_problems(problems: Sequence[Problem], as_json: bool) -> None:
    if as_json:
        listed = [{"row": p.line, "column": p.field, "message": p.message, "text": str(p)} for p in problems]
        click.echo(json.dumps({"imported": False, "problems": listed}, ensure_ascii=False, indent=2))
    for problem in problems[:_SHOWN]:
        click.echo(str(problem), err=True)
    if len(problems) > _SHOWN:
        click.echo(f"… and {len(problems) - _SHOWN:,} more problems. With --json all of them are printed.", err=True)
    click.echo("Nothing was imported. Correct the file and import it again.", err=True)


def _print_outcome(outcome: Outcome, dry_run: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"imported": not dry_run, "dry_run": dry_run, **asdict(outcome)}))
        return
    for label, counts in (("VMRs", outcome.vmrs), ("Users", outcome.users)):
        if counts.created or counts.updated or counts.unchanged:
            figures = f"{counts.created:,} created, {counts.updated:,} updated, {counts.unchanged:,} unchanged"
            click.echo(f"{label}: {figures}.")
    if dry_run:
        click.echo("This was a dry run: nothing was changed.")


@directory.command(
    "list",
    epilog=f"""\b
Examples:
  addin-host directory list --owner alice@example.com
  addin-host directory list --search video.example.com --limit 500 --json
  addin-host directory list --kind users{_EXIT_CODES}""",
)
@click.option("--owner", default="", metavar="EMAIL", help="Only the VMRs of this owner.")
@click.option(
    "--search", default="", metavar="TEXT", help="Only what has this in a name, address, alias or description."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@_kind
@_json
@click.pass_obj
def list_(wiring: Wiring, owner: str, search: str, limit: int, kind: str, as_json: bool) -> None:
    """List VMRs by name, or users by address. PINs are never shown, only whether they are set."""
    if owner and kind == "users":
        raise click.UsageError("--owner is for VMRs. Use --search to find users.")
    lines: Sequence[VmrLine | UserLine]
    with wiring.database().read() as session:
        if kind == "users":
            lines = flow.list_users(session, search=search, limit=limit)
        else:
            lines = flow.list_vmrs(session, owner=owner, search=search, limit=limit)
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2))
        return
    _print_table([_cells(line) for line in lines])
    if not lines:
        click.echo("Nothing was found. To add records: addin-host directory import FILE", err=True)
    elif len(lines) == limit:
        click.echo(f"The first {limit} are shown. For others use --search, --owner or --limit.", err=True)


def _cells(line: VmrLine | UserLine) -> tuple[str, ...]:
    if isinstance(line, UserLine):
        name = line.display_name or f"{line.first_name} {line.last_name}".strip()
        return line.primary_email_address, name, "signed in before" if line.bound else ""
    marks = (("PIN", line.pin_set), ("guest PIN", line.guest_pin_set), ("guests", line.allow_guests))
    return line.name, line.owner, " ".join(line.aliases), ", ".join(mark for mark, is_set in marks if is_set)


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@directory.command(
    epilog=f"""\b
Examples:
  addin-host directory export vmrs.csv
  addin-host directory export people.csv --kind users
  addin-host directory export everything.json --with-pins{_EXIT_CODES}""",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-pins", is_flag=True, help="Write PINs in clear as well.")
@_kind
@click.pass_obj
def export(wiring: Wiring, file: Path, with_pins: bool, kind: str) -> None:
    """Write the directory to FILE (.csv: one kind, .json: both), as `import` takes it. FILE must not exist.

    PINs are left out, and importing such a file keeps the PINs that are stored.
    """
    _require_suffix(file)
    if with_pins:
        click.echo(f"Warning: {file} will hold PINs in clear. Keep it where only you can read it.", err=True)
    database, box = wiring.database(), wiring.secret_box() if with_pins else None
    if with_pins:
        with database.write() as session:
            flow.note_export(session, file.name, with_pins=True, caller=ON_THIS_MACHINE, now=wiring.now())
    with database.read() as session, _new_file(file) as stream:
        readers: dict[Kind, Iterator[Vmr | User]] = {
            Kind.VMR: flow.export_vmrs(session, box=box),
            Kind.USER: flow.export_users(session),
        }
        kinds = list(_KINDS.values()) if file.suffix.lower() == ".json" else [_KINDS[kind]]
        with _progress("Exporting", sum(flow.count(session, one) for one in kinds)) as advance:
            records = {one: _counting(readers[one], advance) for one in kinds}
            if file.suffix.lower() == ".json":
                write_json(stream, records, with_pins=with_pins)
            else:
                write_csv(stream, kinds[0], records[kinds[0]], with_pins=with_pins)
    click.echo(f"The directory is written to {file}.")


def _counting(records: Iterable[Vmr | User], advance: Callable[[int], None]) -> Iterator[Vmr | User]:
    for record in records:
        yield record
        advance(1)


@contextmanager
def _new_file(file: Path) -> Iterator[TextIO]:
    """Create a file that only its owner may read, and remove it again when writing fails."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise click.ClickException(f"{file} cannot be created: {problem.strerror}. Choose another name.") from problem
    # Spreadsheets take a CSV for UTF-8 only when it begins with a byte order mark.
    encoding = "utf-8-sig" if file.suffix.lower() == ".csv" else "utf-8"
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline="") as stream:
            yield stream
    except BaseException:
        file.unlink()
        raise


@directory.command(
    epilog=f"""\b
Examples:
  addin-host directory delete "Alice's room"
  addin-host directory delete alice@example.com --kind users{_EXIT_CODES}""",
)
@click.argument("name")
@_kind
@click.pass_obj
def delete(wiring: Wiring, name: str, kind: str) -> None:
    """Delete the VMR called NAME with its aliases, or the user with the address NAME.

    The VMRs of a deleted user stay. The user has to sign in anew.
    """
    with wiring.database().write() as session:
        if kind == "users":
            users.delete(session, users.at(session, name).id, caller=ON_THIS_MACHINE, now=wiring.now())
        else:
            vmrs.delete(session, vmrs.named(session, name).id, caller=ON_THIS_MACHINE, now=wiring.now())
    click.echo(f"{name} is deleted.")


@directory.command(
    "release-sign-in",
    epilog=f"""\b
Example:
  addin-host directory release-sign-in alice@example.com{_EXIT_CODES}""",
)
@click.argument("email")
@_json
@click.pass_obj
def release_sign_in(wiring: Wiring, email: str, as_json: bool) -> None:
    """Forget which account signed in as the user EMAIL and end the open sessions.

    The account that signs in next with this address is bound to the user. Do this when an address has passed to
    another person, or a person has got a new account.
    """
    with wiring.database().write() as session:
        user = users.at(session, email)
        released = users.release(session, user.id, caller=ON_THIS_MACHINE, now=wiring.now())
    if as_json:
        click.echo(json.dumps(asdict(released)))
    else:
        click.echo(f"{email} is released: {released.subjects} accounts forgotten, {released.sessions} sessions ended.")
