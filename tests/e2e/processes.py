"""Starting a server for the tests, knowing when it answers, and ending it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


class Server:
    """One child process with its output in a file. Ended, with its children, when the block is left."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        seconds: float = 30,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                start_new_session=True,
                env={**os.environ, **(environ or {})},
            )
        self._await(ready, seconds, command)

    def _await(self, ready: Callable[[], bool], seconds: float, command: Sequence[str]) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start:\n{self.text()[-4000:]}")
            time.sleep(0.05)

    def text(self) -> str:
        """Return what the process has written so far."""
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        """End the process group: politely, then for sure."""
        for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(address: int | Path) -> Callable[[], bool]:
    """Return a question that is answered with yes once somebody accepts connections at a port or a unix socket."""

    def answered() -> bool:
        family, target = (
            (socket.AF_INET, ("127.0.0.1", address)) if isinstance(address, int) else (socket.AF_UNIX, str(address))
        )
        with socket.socket(family) as probe:
            return probe.connect_ex(target) == 0

    return answered
