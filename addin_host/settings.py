"""The only reader of the environment: where the database and the key file are, and how to bind.

Every value can also be given as NAME_FILE, a path to a file that holds it. All problems are reported at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from addin_host.domain.errors import Invalid, Problem

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. Everything else is configured in the database.

    `proxies` is the number of reverse proxies in front (X-Forwarded-* is read from that many); `bind` is host:port or
    unix:PATH.
    """

    database_url: str
    key_file: Path
    bind: str = "127.0.0.1:8000"
    workers: int = 2
    threads: int = 32
    proxies: int = 0
    log_level: str = "INFO"


def load(environ: Mapping[str, str] | None = None, *, folder: str = "var") -> Settings:
    """Read the settings; data stands in `folder` by default. Raises Invalid, naming every variable at fault."""
    reader = _Reader(os.environ if environ is None else environ)
    data = Path(reader.text("ADDIN_HOST_DATA", folder)).absolute()
    settings = Settings(
        database_url=reader.text("DATABASE_URL", f"sqlite:///{data / 'addin-host.db'}"),
        key_file=Path(reader.text("ADDIN_HOST_KEY_PATH", str(data / "addin-host.key"))),
        bind=reader.text("ADDIN_HOST_BIND", "127.0.0.1:8000"),
        workers=reader.number("ADDIN_HOST_WORKERS", 2, 1, 64),
        threads=reader.number("ADDIN_HOST_THREADS", 32, 1, 256),
        proxies=reader.number("ADDIN_HOST_PROXIES", 0, 0, 5),
        log_level=reader.choice("ADDIN_HOST_LOG_LEVEL", "INFO", _LEVELS),
    )
    reader.expect(
        settings.database_url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")),
        "DATABASE_URL",
        "must begin with sqlite:/// or postgresql://",
    )
    if reader.problems:
        raise Invalid(reader.problems)
    return settings


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []

    def expect(self, holds: bool, name: str, message: str) -> None:
        if not holds:
            self.problems.append(Problem(name, name, message + "."))

    def text(self, name: str, default: str) -> str:
        path = self._environ.get(f"{name}_FILE")
        if not path:
            return self._environ.get(name) or default
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError:
            self.expect(False, f"{name}_FILE", f"names a file that cannot be read ({path})")
            return default

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        self.expect(False, name, f"must be a number from {least} to {most}")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default).upper()
        self.expect(text in choices, name, f"must be one of {', '.join(choices)}")
        return text
