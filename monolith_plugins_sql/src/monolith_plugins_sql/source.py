"""The `sql` source: a query by days, or the archive by partitions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sqlalchemy.engine import Connection

from monolith_core import (
    ArchivedRecord,
    Context,
    Digest,
    Divide,
    Partition,
    PermanentError,
    Record,
    Rows,
    Source,
    Window,
)
from monolith_plugins_sql import archive, table
from monolith_plugins_sql.archive import comparable
from monolith_plugins_sql.database import Database, need_file, version
from monolith_plugins_sql.instants import may_tell_instants
from monolith_plugins_sql.options import SqlSourceOptions
from monolith_plugins_sql.parameters import Prepared, prepare
from monolith_plugins_sql.reads import Reads
from monolith_plugins_sql.records import Shape
from monolith_plugins_sql.sessions import prepare_purger, prepare_source
from monolith_plugins_sql.stream import stream
from monolith_plugins_sql.zones import TIMESTAMP, count_days, unknown

_TO_BE_MADE = "the first run of the phase that writes it makes it"


class SqlSource(Source):
    """Records from a SQL database: each row of a query is one, or, without a query, the archive's records."""

    Options: ClassVar[type[SqlSourceOptions]] = SqlSourceOptions
    options: SqlSourceOptions

    def __init__(self, options: SqlSourceOptions, context: Context) -> None:
        super().__init__(options, context)
        self._database = Database(
            options.url,
            options.location(),
            options.timeout,
            lambda engine: prepare_source(engine, options.timeout),
            pooled=True,
        )
        self._reads = Reads.of(self._database, options.url, context.log)
        self._shape = Shape(
            options.date_column, options.category, options.category_column, context.id, context.timezone
        )

    def close(self) -> None:
        """Close what is open, and end on the server what was given up."""
        self._reads.close()

    def extract(self, window: Window) -> Iterator[Rows | Record | ArchivedRecord]:
        """Yield a record for each row of the query, or each record that the archive has of the window's source."""
        need_file(self._database)
        with self._reads.reading(window) as connection:
            if self.options.query is None:
                self._need_table(connection)
                yield from archive.records(connection, window, self.options.fetch_size)
            else:
                yield from self._ask(connection, self.options.query, window)

    def partitions(self, window: Window | None) -> Mapping[Partition, Digest] | None:
        """What the archive holds in the window's days; None with a query, which has no partitions of its own."""
        if self.options.query is not None:
            return None
        held = self.context.held(window)
        return held if held is not None else self._scan(window)

    @property
    def purges(self) -> bool:
        """Whether there is a purge query."""
        return self.options.purge_query is not None

    def purge(self, window: Window) -> None:
        """Execute the purge query for the window's days."""
        if self.options.purge_query is None:
            raise PermanentError(
                f"{self.context.id} has no purge-query, so it cannot be purged; add one to its section"
            )
        need_file(self._database)
        purging = Database(self.options.url, self.options.location(), self.options.timeout, prepare_purger)
        try:
            with purging.writing() as connection:
                self._purge(connection, self.options.purge_query, window)
        finally:
            purging.close()

    def check(self) -> str:
        """Connect, ask for yesterday, and look at the columns."""
        if self.options.query is None and self._database.missing_file() is not None:
            return f"no archive yet: {_TO_BE_MADE}"
        need_file(self._database)
        with self._reads.reading() as connection:
            found = version(connection)
            if self.options.query is None:
                there = table.exists(connection, self._database.where)
                return f"{found}, the archive is there" if there else f"{found}, no archive yet: {_TO_BE_MADE}"
            warnings = list(self._warnings(connection))
            columns = self._columns(connection, self.options.query)
        return "; ".join((f"{found}, the query gives {', '.join(columns)}", *warnings))

    def _warnings(self, connection: Connection) -> Iterator[str]:
        """What a query does that is probably not meant, and what will fail when clocks change."""
        query, purge = self.options.query, self.options.purge_query
        if query and not self.options.names_a_day(query):
            yield "warning: the query names no day: every window reads the whole table"
        if purge and not self.options.names_a_day(purge):
            yield "warning: the purge-query names no day: every purge deletes from the whole table"
        today = dt.datetime.now(self.context.timezone).date()
        year = Window(self.context.id, today - dt.timedelta(days=365), today)
        both = "; ".join(filter(None, (query, purge)))
        if not count_days(connection, self.context.timezone, year) and self._refuses(connection, both):
            yield f"warning: days of 23 or 25 hours will fail: {unknown(connection, self.context.timezone)}"

    def _ask(self, connection: Connection, query: str, window: Window) -> Iterator[Rows | Record | ArchivedRecord]:
        counted = count_days(connection, self.context.timezone, window)
        if not counted and self._refuses(connection, query):
            if len(window) > 1 and self.options.names_a_day(query):
                raise Divide(f"{window}: {unknown(connection, self.context.timezone)}")  # most days have one offset
            raise self._refusal(connection, window)
        prepared, arguments = self._bind(connection, query, window)
        with stream(connection, prepared.text, arguments, size=self.options.fetch_size) as answer:
            if not counted and TIMESTAMP in answer.types:
                raise self._refusal(connection, window)
            yield from self._shape.records(answer)

    def _purge(self, connection: Connection, query: str, window: Window) -> None:
        if not count_days(connection, self.context.timezone, window) and self._refuses(connection, query):
            if len(window) > 1 and self.options.names_a_day(query):
                for day in window.days():
                    self._purge(connection, query, Window(window.source, day, day))
                return
            raise self._refusal(connection, window)
        prepared, arguments = self._bind(connection, query, window)
        connection.exec_driver_sql(prepared.text, arguments)

    def _refuses(self, connection: Connection, statement: str) -> bool:
        """Whether a statement is not to be asked for days that the session cannot count."""
        return self.options.clock_changes == "refuse" and may_tell_instants(connection, statement)

    def _refusal(self, connection: Connection, window: Window) -> PermanentError:
        return PermanentError(f"{window}: {unknown(connection, self.context.timezone)}")

    def _columns(self, connection: Connection, query: str) -> tuple[str, ...]:
        yesterday = dt.datetime.now(self.context.timezone).date() - dt.timedelta(days=1)
        prepared, arguments = self._bind(connection, query, Window(self.context.id, yesterday, yesterday))
        with stream(connection, prepared.text, arguments, size=1) as answer:
            self._shape.check(answer.columns)
            return answer.columns

    def _bind(self, connection: Connection, query: str, window: Window) -> tuple[Prepared, Any]:
        dialect = connection.dialect
        prepared = prepare(query, self.options.names, kind=dialect.name, style=dialect.paramstyle)
        days = {"start_date": window.start, "end_date": window.end, "next_date": window.next_date}
        values = {name: comparable(dialect.name, day) for name, day in days.items()}
        return prepared, prepared.arguments({**self.options.params, **values})

    def _scan(self, window: Window | None) -> dict[Partition, Digest]:
        need_file(self._database)
        with self._reads.reading() as connection:
            self._need_table(connection)
            return dict(archive.digests(connection, window))

    def _need_table(self, connection: Connection) -> None:
        if not table.exists(connection, self._database.where):
            raise PermanentError(
                f"{self._database.where}: there is no archive (no table {table.NAME}); "
                "check the option database, add a query, or run the phase that writes the archive first"
            )
