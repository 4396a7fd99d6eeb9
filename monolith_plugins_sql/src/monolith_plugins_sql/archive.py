"""The archive: the table `record` read by partitions, and its partitions' digests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy.engine import Connection

from monolith_core import ArchivedRecord, Digest, Partition, StagedRecord, Window
from monolith_plugins_sql.difference import ID_BYTES
from monolith_plugins_sql.parameters import prepare
from monolith_plugins_sql.stream import stream

_RECORDS = "SELECT date, id, category, data FROM record WHERE source = :source AND date BETWEEN :start AND :end"
_HELD = "SELECT id, category, data FROM record WHERE date = :date AND source = :source"
_IDS = "SELECT date, source, id FROM record"
_IN_DAYS = " WHERE date BETWEEN :start AND :end"
_ORDER = " ORDER BY date, source"


def bound(connection: Connection, query: str, **values: Any) -> tuple[str, Any]:
    """One of our own queries and its arguments in the driver's paramstyle; dates as the database compares them."""
    dialect = connection.dialect
    prepared = prepare(query, values.keys(), kind=dialect.name, style=dialect.paramstyle)
    return prepared.text, prepared.arguments({name: comparable(dialect.name, value) for name, value in values.items()})


def comparable(kind: str, value: Any) -> Any:
    """A parameter's value: SQLite has no dates, it compares their text."""
    return value.isoformat() if kind == "sqlite" and isinstance(value, dt.date) else value


def records(connection: Connection, window: Window, size: int) -> Iterator[ArchivedRecord]:
    """The archived records of the window's source and days."""
    text, arguments = bound(connection, _RECORDS, source=window.source, start=window.start, end=window.end)
    source = window.source
    with stream(connection, text, arguments, size=size) as answer:
        last: Any = None
        for date, identity, category, data in answer.rows:
            if date != last:
                last, day = date, _date(date)
            yield ArchivedRecord(day, source, bytes(identity), category, data.encode())


def held(connection: Connection, partition: Partition, size: int = 2000) -> Iterator[StagedRecord]:
    """The records of one partition as they stand there: the bodies may have been changed under their ids."""
    text, arguments = bound(connection, _HELD, date=partition.date, source=partition.source)
    with stream(connection, text, arguments, size=size) as answer:
        for identity, category, data in answer.rows:
            yield StagedRecord(bytes(identity), category, data if isinstance(data, bytes) else data.encode())


def digests(connection: Connection, window: Window | None, size: int = 10_000) -> Iterator[tuple[Partition, Digest]]:
    """The digest of each partition in the window's days, by reading all ids."""
    days = {} if window is None else {"start": window.start, "end": window.end}
    text, arguments = bound(connection, _IDS + (_IN_DAYS if days else "") + _ORDER, **days)
    with stream(connection, text, arguments, size=size) as answer:
        for (date, source), rows in groupby(answer.rows, key=itemgetter(0, 1)):
            yield Partition(source, _date(date)), _digest([row[2] for row in rows])


def _digest(ids: list[bytes]) -> Digest:
    try:
        return Digest.of(b"".join(ids))
    except ValueError:  # someone else wrote ids of another length
        return Digest.of(b"".join(each[:ID_BYTES].ljust(ID_BYTES, b"\0") for each in ids))


def _date(value: dt.date | str) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
