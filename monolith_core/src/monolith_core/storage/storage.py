"""Storage: the one door to the database that the ledger, the runs and the leases are in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from monolith_core.errors import MonolithError, StorageError
from monolith_core.storage.dialect import Dialect
from monolith_core.storage.leases import Leases
from monolith_core.storage.ledger import Ledger
from monolith_core.storage.runs import Runs
from monolith_core.urls import database_location

if TYPE_CHECKING:
    import trio
    from sqlalchemy import Connection, Engine

_SERVER_WRITERS = 8


class Storage:
    """An open storage; make one with `Storage.open`. Any thread may use it.

    `location` says where it is, without credentials. `exists` is False for one that was opened without `migrate` and
    has no tables yet: it answers as an empty one, and cannot be written to.
    """

    def __init__(self, engine: Engine, dialect: Dialect, location: str, *, exists: bool) -> None:
        from monolith_core.storage.transactions import Transactions

        self._engine = engine
        self._transactions = Transactions(engine, dialect, location)
        self.dialect = dialect
        self.location = location
        self.exists = exists
        self.ledger = Ledger(self)
        self.runs = Runs(self)
        self.leases = Leases(self)

    @classmethod
    def open(cls, url: str, *, migrate: bool = True, lock_timeout: float = 30.0) -> Self:
        """Open the storage at a database URL, and make or migrate its tables.

        Without `migrate` nothing is written, not even the file of an SQLite database. `lock_timeout` is how many
        seconds a statement waits for what another process has locked. Raises StorageError, in one line.
        """
        from monolith_core.storage.engine import open_engine

        engine, dialect = open_engine(url, lock_timeout)
        location = database_location(url)
        storage = cls(engine, dialect, location, exists=True)
        try:
            storage._prepare(migrate, lock_timeout)
        except MonolithError as error:
            storage.close()
            raise StorageError(_explained(str(error), storage._file)) from error
        return storage

    def transaction(self, turn_within: float = 600.0) -> AbstractContextManager[Connection]:
        """A transaction, or a part of the one that this thread is in already; committed at the outermost end.

        Raises TemporaryError for what may pass by itself (a deadlock, a lost connection), StorageError otherwise.
        SQLite has one writer at a time: a thread waits `turn_within` seconds for the others of this process.
        """
        self._require()
        return self._transactions.transaction(turn_within)

    def read(self) -> AbstractContextManager[Connection]:
        """A connection to read by, given back soon: an open reader keeps SQLite's log growing."""
        self._require()
        return self._transactions.read()

    def _require(self) -> None:
        if not self.exists:
            raise StorageError(f"storage {self.location} does not exist yet; the first run makes it")

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one of the storage's own SELECTs, as the driver gives them; none if there are no tables."""
        if not self.exists:
            return []
        with self.read() as connection:
            cursor = connection.exec_driver_sql(self.dialect.sql(statement), tuple(values)).cursor
            assert cursor is not None
            return list(cursor.fetchall())

    @cached_property
    def limiter(self) -> trio.CapacityLimiter:
        """How many threads may write at once."""
        import trio

        return trio.CapacityLimiter(1 if self.dialect.name == "sqlite" else _SERVER_WRITERS)

    def close(self) -> None:
        """Close every connection, those in use as soon as they are given back, and open no more."""
        self._transactions.close()

    @property
    def _file(self) -> Path | None:
        name = self._engine.url.database
        return Path(name) if self.dialect.name == "sqlite" and name else None

    def _prepare(self, migrate: bool, lock_timeout: float) -> None:
        from monolith_core.storage.schema import HEAD, version_of

        if not migrate and self._file is not None and not self._file.exists():
            self.exists = False
            return
        with self.read() as connection:
            version = version_of(connection, self.location)
        if version == HEAD:
            return
        if migrate:
            self._migrate(lock_timeout)
        elif version is None:
            self.exists = False
        else:
            raise StorageError(
                f"storage {self.location} has version {version!r} and needs {HEAD!r}; the next run migrates it"
            )

    def _migrate(self, lock_timeout: float) -> None:
        from monolith_core.storage.migrate import migrate

        if self._file is not None:
            self._transactions.use_log(lock_timeout)
        with self.transaction() as connection:
            migrate(connection, self.dialect, self.location, lock_timeout)


def _explained(message: str, file: Path | None) -> str:
    """An error of opening an SQLite file, with what SQLite does not say."""
    if file is None:
        return message
    folder = file.absolute().parent
    if not folder.is_dir():
        return f"{message}: there is no folder {str(folder)!r}; create it"
    if file.is_dir():
        return f"{message}: it is a folder; expected a file"
    if file.exists() and not os.access(file, os.W_OK):
        return f"{message}: the file is not writable by this user"
    if not os.access(folder, os.W_OK):
        return f"{message}: the folder {str(folder)!r} is not writable by this user, and SQLite writes beside its file"
    return message
