"""Inserting and deleting the records of a partition, in the way that is fastest on each kind of database.

Measured with a year of flights, a partition a transaction (records a second; `executemany` of the driver first):
SQLite 180,000 by executemany, 210,000 by INSERTs of 1,000 rows, and 15 times as much while another thread computes,
since each statement gives up the interpreter's lock once; MariaDB 42,000 by executemany, 42,000 by INSERTs of 1,000
rows with texts, 101,000 with bytes, whose hexadecimal form is cheaper to make than the escaped text; PostgreSQL 63,000
by executemany, 50,000 by INSERTs, 180,000 by COPY.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy.engine import Connection

from monolith_core import ConfigurationError, Partition, PermanentError, StagedRecord, content_id
from monolith_plugins_sql import table
from monolith_plugins_sql.archive import bound, comparable, held
from monolith_plugins_sql.difference import split
from monolith_plugins_sql.stream import stream

_INSERT = "INSERT INTO record (date, source, id, category, data) VALUES "
_COPY = "COPY record (date, source, id, category, data) FROM STDIN (FORMAT BINARY)"
_COPY_TYPES = ("date", "text", "bytea", "text", "text")
_HELD = "SELECT id FROM record WHERE date = :date AND source = :source ORDER BY id"
_CLEAR = "DELETE FROM record WHERE date = :date AND source = :source"

_IDS_AT_ONCE = 500
_STATEMENT_BYTES = 1024
"""Room for the text around the rows of a statement."""
_ROW_BYTES = 160
"""Room for what a row has beside its data and category: quotes, date, source, id."""


class Writer(ABC):
    """Writes to one partition, on a connection whose transaction is the caller's."""

    def __init__(self, connection: Connection, partition: Partition, *, batch_size: int, batch_bytes: int) -> None:
        self.connection = connection
        self.partition = partition
        self.batch_size = batch_size
        self.batch_bytes = batch_bytes
        self.date = comparable(connection.dialect.name, partition.date)
        self._raw: Any = connection.connection.driver_connection

    def held(self) -> Iterator[bytes]:
        """The ids that are there, sorted."""
        text, arguments = bound(self.connection, _HELD, date=self.partition.date, source=self.partition.source)
        with stream(self.connection, text, arguments, size=10_000) as answer:
            for row in answer.rows:
                yield bytes(row[0])

    def weed(self) -> int:
        """Delete the records that are not what their id says; how many.

        Of several equal records only the first is left: to write the others anew does no harm.
        """
        source, date = self.partition.source, self.partition.date
        damaged = [
            identity
            for identity, category, data in held(self.connection, self.partition)
            if identity != content_id(source, date, category, data)
        ]
        self._delete(damaged)
        return len(damaged)

    def clear(self) -> None:
        """Delete the whole partition."""
        text, arguments = bound(self.connection, _CLEAR, date=self.partition.date, source=self.partition.source)
        self._execute(text, arguments)

    def delete(self, ids: bytes | bytearray) -> None:
        """Delete the records of these ids."""
        self._delete(split(ids))

    def _delete(self, ids: Iterable[bytes]) -> None:
        mark = self._mark
        rest = iter(ids)
        while batch := list(islice(rest, _IDS_AT_ONCE)):
            marks = ",".join([mark] * len(batch))
            self._execute(
                f"DELETE FROM record WHERE date = {mark} AND source = {mark} AND id IN ({marks})",  # noqa: S608
                (self.date, self.partition.source, *batch),
            )

    @abstractmethod
    def insert(self, records: Iterable[StagedRecord]) -> None:
        """Insert the records, in statements of bounded size."""

    @property
    def _mark(self) -> str:
        return "?" if self.connection.dialect.paramstyle == "qmark" else "%s"

    def _insert_rows(self, count: int, values: list[Any]) -> None:
        mark = self._mark
        row = f"({mark},{mark},{mark},{mark},{mark})"
        self._execute(_INSERT + ",".join([row] * count), values)

    def _execute(self, text: str, arguments: Any) -> None:
        cursor = self._raw.cursor()
        try:
            cursor.execute(text, arguments)
        finally:
            cursor.close()


class SqliteWriter(Writer):
    """INSERTs of many rows, as many as SQLite's limit of variables allows."""

    def insert(self, records: Iterable[StagedRecord]) -> None:
        """Insert the records, in statements of bounded size."""
        variables = int(self._raw.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))
        most_rows = min(self.batch_size, variables // len(table.COLUMNS))
        date, source = self.date, self.partition.source
        for batch in batches(records, most_rows, self.batch_bytes):
            values: list[Any] = []
            for identity, category, data in batch:
                values += (date, source, identity, category, data.decode())
            self._insert_in_powers(values)

    def _insert_in_powers(self, values: list[Any]) -> None:
        """Insert by statements of 2**n rows: the driver keeps each that it has seen, with the values last bound."""
        start, width = 0, len(table.COLUMNS)
        while start < len(values):
            rows = 1 << ((len(values) - start) // width).bit_length() - 1
            self._insert_rows(rows, values[start : start + rows * width])
            start += rows * width


class MysqlWriter(Writer):
    """INSERTs of many rows, each smaller than the largest packet that the server takes."""

    def insert(self, records: Iterable[StagedRecord]) -> None:
        """Insert the records, in statements of bounded size."""
        packet = int(self.connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
        room = packet - _STATEMENT_BYTES - 4 * len(self.partition.source)
        # As bytes, a record takes two characters a byte; see the module's docstring for why that is good.
        for batch in batches(records, self.batch_size, min(self.batch_bytes, room // 2)):
            self._insert_batch(batch, packet, room)

    def _insert_batch(self, batch: list[StagedRecord], packet: int, room: int) -> None:
        as_text = len(batch) == 1 and 2 * size_of(batch[0]) > room
        values: list[Any] = []
        date, source = self.date.isoformat(), self.partition.source
        for identity, category, data in batch:
            if len(category) > table.LONGEST_CATEGORY:
                raise PermanentError(
                    f"{self.partition}: the category {category[:40]!r}... has {len(category)} characters; "
                    f"the table takes {table.LONGEST_CATEGORY}; shorten it at the source"
                )
            values += (date, source, identity, category, data.decode() if as_text else data)
        if as_text:
            self._check_size(batch[0], packet, room)
        self._insert_rows(len(batch), values)

    def _check_size(self, record: StagedRecord, packet: int, room: int) -> None:
        needed = _ROW_BYTES + 4 * len(record.category) + _escaped(record.data)
        if needed > room:
            raise PermanentError(
                f"{self.partition}: a record of {len(record.data):,} bytes needs a statement of "
                f"{needed + packet - room:,}; the server takes {packet:,}; raise its max_allowed_packet"
            )


class PostgresqlWriter(Writer):
    """COPY, in which no value is part of a statement."""

    def insert(self, records: Iterable[StagedRecord]) -> None:
        """Insert the records, one COPY a batch."""
        for batch in batches(records, self.batch_size, self.batch_bytes):
            self._copy(batch)

    def _copy(self, batch: list[StagedRecord]) -> None:
        date, source = self.date, self.partition.source
        with self._raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_COPY_TYPES)
            for identity, category, data in batch:
                copy.write_row((date, source, identity, category, data.decode()))


_WRITERS: dict[str, type[Writer]] = {
    "sqlite+pysqlite": SqliteWriter,
    "mysql+pymysql": MysqlWriter,
    "mariadb+pymysql": MysqlWriter,
    "postgresql+psycopg": PostgresqlWriter,
}


def writer_for(kind: str, driver: str) -> type[Writer]:
    """The writer for a database and its driver; raises ConfigurationError if there is none."""
    try:
        return _WRITERS[f"{kind}+{driver}"]
    except KeyError:
        raise ConfigurationError(
            f"the sql target does not write to {kind}+{driver}; expected a database of {', '.join(sorted(_WRITERS))}"
        ) from None


def size_of(record: StagedRecord) -> int:
    """About how many bytes a record is in a statement."""
    return len(record.data) + 4 * len(record.category) + _ROW_BYTES


def batches(records: Iterable[StagedRecord], most_rows: int, most_bytes: int) -> Iterator[list[StagedRecord]]:
    """The records in lists of bounded count and size; a record that is larger by itself stands alone."""
    batch: list[StagedRecord] = []
    size = 0
    for record in records:
        one = len(record[2]) + 4 * len(record[1]) + _ROW_BYTES  # size_of, written out
        if batch and (len(batch) == most_rows or size + one > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += one
    if batch:
        yield batch


def _escaped(data: bytes) -> int:
    """The size of a JSON text as a quoted SQL text: JSON has no other characters that are escaped."""
    return len(data) + data.count(b'"') + data.count(b"\\") + data.count(b"'")
