"""The reads of a source that are under way, so that one which was given up does not go on on the server.

The engine leaves a worker thread that is stuck in the driver to itself, and a driver that waited too long closes its
socket: a server that computes notices neither. MariaDB's max_statement_time would be no remedy: it also counts the time
in which rows are fetched.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from monolith_core import MonolithError, TemporaryError, Window
from monolith_plugins_sql.database import Database

_END_WITHIN = 5.0
"""Seconds that the end of a read may take: the source's next read waits for it."""
_NO_SUCH_THREAD = 1094
_STEPS = 100_000
"""SQLite looks each time after so many of its virtual machine's instructions whether the read was given up."""


class _Read:
    """One read: `left` once its thread is through with it, before its last row."""

    def __init__(self, window: Window | None) -> None:
        self.window = window
        self.left = False
        self.ended = False
        self.end: Callable[[], None] | None = None

    def shares_a_day(self, window: Window | None) -> bool:
        """Whether it was asked for a day of the window; the engine asks for no day twice at once."""
        mine = self.window
        if mine is None or window is None or mine.source != window.source:
            return False
        return mine.start <= window.end and window.start <= mine.end


class Reads:
    """Opens the connections of a source to read from, and ends on the server what was given up."""

    def __init__(self, database: Database, killer: Database, log: logging.Logger) -> None:
        self._database = database
        self._killer = killer
        self._log = log
        self._reads: set[_Read] = set()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, database: Database, url: str, log: logging.Logger) -> Reads:
        """The reads of a database, whose URL is `url`."""
        return cls(database, Database(url, database.where, _END_WITHIN, lambda engine: None), log)

    @contextmanager
    def reading(self, window: Window | None = None) -> Iterator[Connection]:
        """A connection to read the window from, after what was given up has been ended."""
        self._end(lambda read: read.left or read.shares_a_day(window))
        read = _Read(window)
        with self._lock:
            self._reads.add(read)
        try:
            with self._database.reading() as connection:
                self._begin(read, connection)
                try:
                    yield connection
                except BaseException as error:
                    read.left = True
                    if not read.ended or isinstance(error, GeneratorExit):
                        raise
                    raise TemporaryError(f"{self._database.where}: this read was given up") from error
                read.left = connection.invalidated
        finally:
            if not read.left:
                with self._lock:
                    self._reads.discard(read)

    def close(self) -> None:
        """End every read, and close what is open."""
        self._end(lambda read: True)
        self._killer.close()
        self._database.close()

    def _begin(self, read: _Read, connection: Connection) -> None:
        end = _end_of(read, connection, self._killer)
        with self._lock:
            read.end = end
            if read.ended:
                raise TemporaryError(f"{self._database.where}: this read was given up")

    def _end(self, which: Callable[[_Read], bool]) -> None:
        with self._lock:
            chosen = [read for read in self._reads if which(read)]
            self._reads.difference_update(chosen)
            for read in chosen:
                read.ended = True
        try:
            for read in chosen:
                if read.end is not None:
                    with self._killer.faults():
                        read.end()
        except MonolithError as error:
            self._log.info("a query that was given up may go on on the server: %s", error)


def _end_of(read: _Read, connection: Connection, killer: Database) -> Callable[[], None] | None:
    """What ends a read from another thread, also one whose query has not begun; None if there is no way."""
    kind = connection.dialect.name
    raw: Any = connection.connection.driver_connection
    if kind in ("mysql", "mariadb"):
        number = int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
        return lambda: _kill(killer, f"KILL CONNECTION {number}")
    if kind == "postgresql":
        number = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        return lambda: _kill(killer, f"SELECT pg_terminate_backend({number})")
    if kind == "sqlite":
        raw.set_progress_handler(lambda: read.ended, _STEPS)  # an interrupt ends only what runs already
        return lambda: _interrupt(raw)
    return getattr(raw, "cancel", None)


def _kill(killer: Database, statement: str) -> None:
    try:
        with killer.engine.connect() as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if error.orig is None or error.orig.args[:1] != (_NO_SUCH_THREAD,):
            raise


def _interrupt(raw: sqlite3.Connection) -> None:
    with suppress(sqlite3.ProgrammingError):  # it is closed
        raw.interrupt()
