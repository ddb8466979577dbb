"""The database: SQLite on one machine, PostgreSQL when one is not enough.

Two ways in. `read()` and `write()` give a SQLAlchemy session in one transaction; `row()`, `rows()` and `write_alone()`
are for the few statements that every click makes and skip the ORM (performance.md).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from weakref import ref

from sqlalchemy import Engine, create_engine, event, exc, make_url, text
from sqlalchemy.orm import Session

from addin_host.domain.errors import Misconfigured, Reason, Refused, Upstream

_BUSY_SECONDS = 10
_ALONE = "BEGIN; SELECT pg_advisory_xact_lock(4715, %s); {}; COMMIT"
_SQLITE_INSTANT = "%Y-%m-%d %H:%M:%S.%f"  # SQLAlchemy's form
_log = logging.getLogger(__name__)


class Database:
    """One pool for transactions and one, in autocommit, for hot reads. Safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 32) -> None:
        self.url = make_url(_with_driver(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            _make_folder(Path(self.url.database or "addin-host.db"))
        self.engine = self._engine(pool_size, {"pool_pre_ping": True})
        self._hot = self._engine(pool_size, {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None})
        self._driver = self._hot.dialect.loaded_dbapi
        self._writing = self.engine.execution_options(addin_host_begin="IMMEDIATE") if self.is_sqlite else self.engine
        os.register_at_fork(after_in_child=partial(_forget_parents_connections, ref(self)))

    def _engine(self, pool_size: int, options: dict[str, Any]) -> Engine:
        engine = create_engine(self.url, pool_size=pool_size, hide_parameters=True, **options)
        if self.is_sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
            if "isolation_level" not in options:
                event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session for reading; nothing is committed."""
        with self._translated(), Session(self.engine) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Give a session that sees one state of all tables, whatever is written meanwhile."""
        engine = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        with self._translated(), Session(engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session in one transaction, committed at the end unless an exception passes through."""
        with self._translated(), Session(self._writing) as session, session.begin():
            yield session

    def row(self, sql: str, *parameters: Any) -> Any:
        """Return the first row of a statement written with `?` placeholders, or None."""
        return next(iter(self.rows(sql, *parameters)), None)

    def rows(self, sql: str, *parameters: Any) -> Sequence[Any]:
        """Return all rows of a statement written with `?` placeholders. Raises Upstream or Refused."""
        with self._translated():
            try:
                return self._rows(sql, parameters)
            except self._driver.OperationalError:
                # A server that was restarted leaves dead connections in the pool: once more with a new one.
                self._hot.dispose()
                return self._rows(sql, parameters)

    def _rows(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any]:
        connection = self._hot.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(self._native(sql), parameters)
            return cursor.fetchall()
        finally:
            connection.close()

    def _native(self, sql: str) -> str:
        return sql if self.is_sqlite else sql.replace("?", "%s")

    def write_alone(self, sql: str, *parameters: Any, turn: int) -> Sequence[Any]:
        """Carry out one statement in a transaction of its own; return its rows, RETURNING something.

        It begins once those of the same turn have ended, so that none overlooks what another one writes. It may be
        carried out twice, when a connection breaks at its end. Raises Upstream.
        """
        with self._translated():
            try:
                return self._write_alone(sql, parameters, turn)
            except self._driver.OperationalError:
                if self.is_sqlite:
                    raise  # another process writes for longer than anybody waits
                self._hot.dispose()  # as in rows()
                return self._write_alone(sql, parameters, turn)

    def _write_alone(self, sql: str, parameters: Sequence[Any], turn: int) -> Sequence[Any]:
        if self.is_sqlite:
            return self._rows(sql, parameters)  # which has one writer at a time anyway
        connection = self._hot.raw_connection()
        try:
            # All in one message: each of its own would cost as much as the work itself.
            cursor = self._driver.ClientCursor(connection.driver_connection)
            cursor.execute(_ALONE.format(self._native(sql)), (turn, *parameters))
            cursor.nextset()
            cursor.nextset()
            found: Sequence[Any] = cursor.fetchall()
        except BaseException:
            connection.invalidate()  # whatever state it is in, nobody else gets it
            raise
        else:
            return found
        finally:
            connection.close()

    def stored(self, instant: datetime) -> Any:
        """Return an instant as plain statements are given it."""
        utc = instant.astimezone(UTC)
        return utc.strftime(_SQLITE_INSTANT) if self.is_sqlite else utc

    def instant(self, stored: Any) -> datetime:
        """Return the instant that a plain statement gave."""
        if self.is_sqlite:
            return datetime.strptime(stored, _SQLITE_INSTANT).replace(tzinfo=UTC)
        found: datetime = stored
        return found.astimezone(UTC)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        # Raw connections raise the driver's own error, sessions SQLAlchemy's. A missing table is an operational error
        # on SQLite and a programming error on PostgreSQL.
        own = self._driver
        try:
            yield
        except (exc.OperationalError, exc.ProgrammingError, own.OperationalError, own.ProgrammingError) as problem:
            raise Upstream("The database does not answer. Try again in a moment.") from problem
        except (exc.DataError, own.DataError):
            # What these two errors say holds values, which must not reach a log: they end here.
            raise Refused(Reason.INVALID, "This holds a character or a number that cannot be stored.") from None
        except exc.IntegrityError as problem:
            # What could be seen before was refused before: two did this at the same moment. The first line names the
            # constraint only.
            _log.warning("the database refused a change: %s", str(problem.orig).partition("\n")[0])
            raise Refused(Reason.CONFLICT, "Somebody changed the same thing at this moment. Try again.") from None

    def time(self, session: Session) -> datetime:
        """Return the database's own time, which leases go by: all processes have the same."""
        now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')" if self.is_sqlite else "clock_timestamp()"
        return self.instant(session.scalar(text(f"SELECT {now}")))

    def ping(self) -> None:
        """Raise Upstream when the database does not answer."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all pooled connections back."""
        self.engine.dispose()
        self._hot.dispose()


def prefer_indexes(session: Session) -> None:
    """Keep to indexes in this transaction. PostgreSQL has no statistics of what a long transaction has just written."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))


def _forget_parents_connections(database: ref[Database]) -> None:
    """Leave the connections of the process that forked to it: two processes on one connection garble each other."""
    if opened := database():
        opened.engine.dispose(close=False)
        opened._hot.dispose(close=False)


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise Misconfigured(f"The folder {file.parent} cannot be made: {problem.strerror}.") from problem


def _with_driver(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return f"postgresql+psycopg://{url.removeprefix(prefix)}"
    return url


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling begins too late for "BEGIN IMMEDIATE"; see _begin_sqlite.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite's lower() knows ASCII only; no index or trigger may use this one, which other programs do not have.
    connection.create_function("fold", 1, str.lower, deterministic=True)


def _begin_sqlite(connection: Any) -> None:
    # A writer takes the lock at once: a reader that turns writer half-way could only fail.
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('addin_host_begin', '')}")
