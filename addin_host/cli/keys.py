"""`addin-host rotate-keys`: a new key for everything that is sealed."""

from __future__ import annotations

import click

from addin_host.cli.wiring import Wiring
from addin_host.flows import rotation


@click.command("rotate-keys", epilog="Example: addin-host rotate-keys")
@click.option("--keep-old", is_flag=True, help="Leave the old keys in the key file; the next run drops them.")
@click.pass_obj
def rotate_keys(wiring: Wiring, keep_old: bool) -> None:
    """Seal all stored secrets with a new key and drop the old one. Safe while the service runs.

    Killed half-way, everything stays readable; the next run finishes the work. Copy the key file to the other
    machines, and to where you keep it, when this is done.
    """
    path = wiring.load_settings().key_file
    wiring.secret_box()
    done = rotation.rotate(wiring.database(), path, keep_old=keep_old)
    begun = "Finished the rotation that was begun earlier: " if done.resumed else ""
    click.echo(f"{begun}{done.sealed_anew} values are sealed with the new key of {path}.")
    for place in done.unreadable:
        click.echo(f"No key opens {place}: enter this secret again.", err=True)
    if not done.old_keys_dropped:
        why = "" if keep_old else " because other work on the database takes long"
        click.echo(f"The old keys are still in the file{why}. Run addin-host rotate-keys again to drop them.", err=True)
