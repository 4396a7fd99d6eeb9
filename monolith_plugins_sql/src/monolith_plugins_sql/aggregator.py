"""The `aggregator` source: the archive of the original, monolith-aggregator, read by source and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from sqlalchemy.engine import Connection

from monolith_core import (
    ArchivedRecord,
    Context,
    Inventory,
    Note,
    Partition,
    PermanentError,
    RecordError,
    Source,
    Window,
)
from monolith_plugins_sql.archive import bound
from monolith_plugins_sql.database import Database, need_file, version
from monolith_plugins_sql.options import AggregatorOptions
from monolith_plugins_sql.original import Layout, Row, Translation, layout, shown_id
from monolith_plugins_sql.reads import Reads
from monolith_plugins_sql.rejects import Rejects
from monolith_plugins_sql.sessions import prepare_source
from monolith_plugins_sql.stream import stream
from monolith_plugins_sql.zones import count_days

_MOST = 20
"""Most records whose faults are told in one error."""
_SIZE = 2000

Bad = tuple[Row, Partition | None, str]
"""A record, where it belongs, and what is wrong with it."""


class AggregatorSource(Source):
    """Records from the archive of the original, monolith-aggregator, as they were kept there."""

    Options: ClassVar[type[AggregatorOptions]] = AggregatorOptions
    options: AggregatorOptions

    def __init__(self, options: AggregatorOptions, context: Context) -> None:
        super().__init__(options, context)
        self._database = Database(
            options.url, options.location(), options.timeout, lambda engine: prepare_source(engine, options.timeout)
        )
        self._reads = Reads.of(self._database, options.url, context.log)
        self._translation = Translation(
            options.default_source,
            options.renames,
            options.category_column == "type",
            options.encoding,
            context.timezone,
        )

    def close(self) -> None:
        """Close what is open, and end on the server what was given up."""
        self._reads.close()

    def extract(self, window: Window) -> Iterator[ArchivedRecord | Note]:
        """Yield the window's records of its source; bad ones are told together when all are read."""
        need_file(self._database)
        bad: list[Bad] = []
        with self._reads.reading(window) as connection:
            count_days(connection, self.context.timezone, window)
            for row in self._rows(connection, window):
                source, day = self._translation.source(row.source), self._translation.day(row.date)
                if source != window.source or day is None:
                    continue
                try:
                    yield self._translation.record(row, source, day)
                except RecordError as error:
                    bad.append((row, Partition(source, day), str(error)))
        if bad:
            yield from self._left_out(bad)

    def inventory(self) -> Inventory:
        """What the original has, by source and day."""
        need_file(self._database)
        with self._reads.reading() as connection:
            counts, undated, nameless = self._count(connection)
        if nameless:
            raise PermanentError(
                f"{nameless:,} records of {self.options.table} say no source; name one for them with default-source"
            )
        bad = list(self._undated()) if undated else []
        if self._rejects is None:
            return Inventory(counts, [_told(each) for each in bad])
        self._rejects.add(bad)
        return Inventory(counts - self._rejects.counts, (), self._rejects.total)

    def check(self) -> str:
        """Connect, and see that the table is the original's."""
        need_file(self._database)
        with self._reads.reading() as connection:
            self._layout(connection)
            return f"{version(connection)}, the table {self.options.table} is there"

    @cached_property
    def _rejects(self) -> Rejects | None:
        return Rejects(self.options.rejects) if self.options.rejects else None

    def _layout(self, connection: Connection) -> Layout:
        found = layout(connection, self._database.where, self.options.table)
        wanted = self.options.category_column
        if wanted is not None and wanted not in found.columns:
            raise PermanentError(
                f"{self._database.where}: the table {self.options.table} has no column {wanted}; "
                "category-column is category or type"
            )
        return found

    def _count(self, connection: Connection) -> tuple[Counter[Partition], int, int]:
        """The records of each partition, how many have no day, and how many no source."""
        found = self._layout(connection)
        if connection.dialect.name in ("mysql", "mariadb"):
            found = found.told_apart()
        text, _ = bound(connection, found.counts())
        counts: Counter[Partition] = Counter()
        undated = nameless = 0
        with stream(connection, text, size=_SIZE) as answer:
            for name, value, count in answer.rows:
                day, known = self._translation.day(value), self._translation.source(name)
                if day is None:
                    undated += count
                elif known is None:
                    nameless += count
                else:
                    counts[Partition(known, day)] += count
        return counts, undated, nameless

    def _undated(self) -> Iterator[Bad]:
        """The records that belong to no day; all are read for it."""
        with self._reads.reading() as connection:
            for row in self._rows(connection, None):
                if self._translation.day(row.date) is None:
                    yield row, None, f"has the date {'NULL' if row.date is None else repr(row.date)}"

    def _rows(self, connection: Connection, window: Window | None) -> Iterator[Row]:
        """The rows of the window's days and of what may be its source, or all."""
        found = self._layout(connection)
        condition, values = self._condition(found, window) if window is not None else ("", {})
        statement, arguments = bound(connection, found.select(condition), **values)
        with stream(connection, statement, arguments, size=_SIZE) as answer:
            yield from map(Row._make, answer.rows)

    def _condition(self, found: Layout, window: Window) -> tuple[str, dict[str, Any]]:
        """What limits a query to a window, and its values; a server may take `GA` for `ga`, so that more may come."""
        date, source = found.columns["date"], found.columns.get("source")
        condition = f"{date} >= :start AND {date} < :next"
        values: dict[str, Any] = {"start": window.start, "next": window.next_date}
        if source is None:
            return condition, values
        names = [old for old, new in self.options.renames.items() if new == window.source]
        if window.source not in self.options.renames:
            names.append(window.source)
        marked = {f"source_{number}": name for number, name in enumerate(names)}
        allowed = [f"{source} IN ({', '.join(f':{mark}' for mark in marked)})"] if marked else []
        if self.options.default_source == window.source:
            allowed += [f"{source} IS NULL", f"{source} = ''"]
        return f"{condition} AND ({' OR '.join(allowed) or '1 = 0'})", values | marked

    def _left_out(self, bad: list[Bad]) -> Iterator[Note]:
        """Write bad records to the file of rejects and say so about their days, or raise an error that lists them."""
        if self._rejects is None:
            more = f"; and {len(bad) - _MOST:,} more" if len(bad) > _MOST else ""
            listed = "; ".join(_told(each) for each in bad[:_MOST])
            raise RecordError(f"{listed}{more}; mend them, or leave them out with the option rejects")
        self._rejects.add(bad)
        days = Counter(partition.date for _, partition, _ in bad if partition)
        for day, count in days.items():
            yield Note(
                day,
                remark=f"{count:,} {'record' if count == 1 else 'records'} of the original could not be read; "
                f"see {self._rejects.path.name}",
            )


def _told(bad: Bad) -> str:
    row, _, why = bad
    return f"record {shown_id(row.id)}: {why}"
