"""Transactions that join: one thread has one transaction, whoever asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from monolith_core.errors import StorageError, TemporaryError
from monolith_core.storage.dialect import Dialect
from monolith_core.storage.engine import READS
from monolith_core.storage.failures import Occupied, database_errors, failure


class _Open:
    """The transaction that a thread is in; `broken` once a part of it failed."""

    __slots__ = ("broken", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.broken = False


class _Local(threading.local):
    open: _Open | None = None


class Transactions:
    """The transactions of one engine.

    SQLite has one writer at a time: threads of this process take turns by a lock, which is fair and wakes at once,
    rather than by the busy timeout, which polls.
    """

    def __init__(self, engine: Engine, dialect: Dialect, location: str) -> None:
        self._engine = engine
        self._dialect = dialect
        self._location = location
        self._errors = database_errors(engine)
        self._local = _Local()
        self._turn = threading.Lock() if dialect.name == "sqlite" else None
        self._closed = False

    def close(self) -> None:
        """Close every connection, those in use as soon as they are given back, and open no more."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def transaction(self, turn_within: float) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back on an exception.

        Within another one of the same thread it is a part of that one. A part that fails makes the whole fail, even
        if its exception is caught on the way: half of a partition must not be committed. Raises Occupied if another
        thread is in a transaction on SQLite for `turn_within` seconds.
        """
        outer = self._local.open
        if outer is None:
            with self._taken_turn(turn_within), self._translated(), self._connection() as connection:
                yield from self._outermost(connection)
            return
        try:
            with self._translated():
                yield outer.connection
        except BaseException:
            outer.broken = True
            raise

    def _outermost(self, connection: Connection) -> Iterator[Connection]:
        current = self._local.open = _Open(connection)
        try:
            with connection.begin():
                yield connection
                if current.broken:
                    raise StorageError(
                        f"storage {self._location}: a part of the transaction failed, so that all of it is rolled back"
                    )
        finally:
            self._local.open = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read by, of one consistent moment on SQLite; within a transaction it is that one's."""
        outer = self._local.open
        if outer is not None:
            with self._translated():
                yield outer.connection
            return
        with self._translated(), self._connection() as connection:
            yield connection.execution_options(**{READS: True})

    def use_log(self, seconds: float) -> None:
        """Turn on SQLite's write-ahead log, which the file then keeps: readers and a writer do not wait for each other.

        SQLite does not wait for another process that does the same just now, so this does, for so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self._translated(), self._connection() as connection:
                    cursor = connection.connection.cursor()
                    # A file that is made now has larger pages than usual: records are read and written by the hundred.
                    cursor.execute("PRAGMA page_size=16384")
                    cursor.execute("PRAGMA journal_mode=WAL")
                    cursor.close()
                return
            except TemporaryError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """One of the engine's connections. A thread that was given up may still want one when the run is over."""
        if self._closed:
            raise StorageError(f"storage {self._location} is closed: the run is over")
        with self._engine.connect() as connection:
            try:
                yield connection
            finally:
                if self._closed and not connection.invalidated:
                    connection.detach()  # there is no pool any more that would close it

    @contextmanager
    def _taken_turn(self, within: float) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=within):
            raise Occupied(f"storage {self._location}: another thread has been writing for more than {within:g} s")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise failure(error, self._dialect.name, self._location) from error
