"""Rows of a query, streamed: the server or the file keeps the answer, this side only what it just reads."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from monolith_core import PermanentError
from monolith_plugins_sql import packets

Row = Sequence[Any]

_QUICKLY = 0.02
"""Seconds in which a list of rows is fetched if they come quickly."""


class Stream(NamedTuple):
    """The names of the columns, the driver's codes of their types, and the rows in lists as they come."""

    columns: tuple[str, ...]
    types: tuple[Any, ...]
    batches: Iterator[Sequence[Row]]

    @property
    def rows(self) -> Iterator[Row]:
        """The rows one by one."""
        return itertools.chain.from_iterable(self.batches)


@contextmanager
def stream(connection: Connection, text: str, arguments: Any = (), *, size: int = 2000) -> Iterator[Stream]:
    """Execute `text`, which is in the driver's paramstyle, on the connection's driver.

    One that is left before its last row makes its connection useless: discard that too.
    """
    cursor = _cursor(connection, size)
    try:
        cursor.execute(text, arguments)
        if not cursor.description:
            raise PermanentError("the query returns no rows; expected a SELECT")
        columns, types = zip(*(column[:2] for column in cursor.description), strict=True)
        yield Stream(columns, types, _batches(connection, cursor, size))
    except BaseException:
        _abandon(connection, cursor)
        raise
    _finish(connection, cursor)


def _cursor(connection: Connection, size: int) -> Any:
    raw: Any = connection.connection.driver_connection
    if connection.dialect.driver == "pymysql":
        from pymysql.cursors import SSCursor

        return raw.cursor(SSCursor)
    if connection.dialect.driver == "psycopg":
        cursor = raw.cursor(name=f"monolith_{next(_numbers)}")
        cursor.itersize = size
        return cursor
    return raw.cursor()


_numbers = itertools.count(1)


def _batches(connection: Connection, cursor: Any, size: int) -> Iterator[Sequence[Row]]:
    if connection.dialect.driver == "pymysql":
        return packets.batches(cursor)
    return _fetches(cursor, size)


def _fetches(cursor: Any, most: int) -> Iterator[Sequence[Row]]:
    """Rows in lists; in short ones where they are large or come slowly, so that it can be seen that they come."""
    size, begin = 1, time.perf_counter()
    while rows := cursor.fetchmany(size):
        size = min(2 * size, most) if time.perf_counter() - begin < _QUICKLY else max(size // 2, 1)
        yield rows
        begin = time.perf_counter()


def _finish(connection: Connection, cursor: Any) -> None:
    if connection.dialect.driver == "pymysql" and getattr(cursor._result, "unbuffered_active", False):
        _abandon(connection, cursor)
        connection.invalidate()
    else:
        cursor.close()


def _abandon(connection: Connection, cursor: Any) -> None:
    if connection.dialect.driver == "pymysql":
        packets.abandon(cursor)
    else:
        with suppress(Exception):  # what went wrong is on its way already
            cursor.close()
