"""Rows of a query, streamed: the server or the file keeps the answer, this side only what it just reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from monolith_core import PermanentError
from monolith_plugins_sql import packets

Row = Sequence[Any]


class Stream(NamedTuple):
    """The names of the columns, the driver's codes of their types, and the rows."""

    columns: tuple[str, ...]
    types: tuple[Any, ...]
    rows: Iterator[Row]


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
        yield Stream(columns, types, _rows(connection, cursor, size))
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


def _rows(connection: Connection, cursor: Any, size: int) -> Iterator[Row]:
    if connection.dialect.driver == "pymysql":
        return packets.rows(cursor)
    if connection.dialect.driver in ("psycopg", "pysqlite"):
        return iter(cursor)
    return itertools.chain.from_iterable(iter(lambda: cursor.fetchmany(size), []))


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
