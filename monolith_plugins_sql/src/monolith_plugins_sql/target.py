"""The `sql` target: the archive, one row a record, replaced by difference."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from sqlalchemy.engine import Connection

from monolith_core import (
    Context,
    Digest,
    MonolithError,
    Partition,
    PermanentError,
    Staged,
    StagedRecord,
    Target,
    Window,
    Written,
)
from monolith_plugins_sql import archive, table
from monolith_plugins_sql.database import Database, need_file, version
from monolith_plugins_sql.difference import Difference, compare
from monolith_plugins_sql.options import SqlTargetOptions
from monolith_plugins_sql.sessions import prepare_source, prepare_writer
from monolith_plugins_sql.write import Writer, writer_for

_RIGHTS = (
    "INSERT INTO record (date, source, id, category, data)"
    " SELECT date, source, id, category, data FROM record WHERE 1 = 0",
    "DELETE FROM record WHERE 1 = 0",
)
"""Statements that write nothing, and that need the rights to write."""


class SqlTarget(Target):
    """Keeps records in the table `record`."""

    Options: ClassVar[type[SqlTargetOptions]] = SqlTargetOptions
    options: SqlTargetOptions

    def __init__(self, options: SqlTargetOptions, context: Context) -> None:
        super().__init__(options, context)
        self._database = Database(options.url, options.location(), options.timeout, prepare_writer, pooled=True)
        # Looks at what is there without the right to write, and without holding up those who do.
        self._reader = Database(
            options.url,
            options.location(),
            options.timeout,
            lambda engine: prepare_source(engine, options.timeout),
            pooled=True,
        )

    def setup(self) -> None:
        """Create the table, or see that the one that is there is the right one."""
        dialect = self._database.engine.dialect
        writer_for(dialect.name, dialect.driver)
        try:
            self._create()
        except MonolithError:
            # Another host may have created it in the same moment.
            if not self._is_there():
                raise

    def close(self) -> None:
        """Close what is open."""
        self._database.close()
        self._reader.close()

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Make the table hold exactly the staged records of the partition, in one transaction."""
        if len(partition.source) > table.LONGEST_SOURCE:
            raise PermanentError(
                f"the source's id {partition.source} has {len(partition.source)} characters; "
                f"the archive takes {table.LONGEST_SOURCE}; shorten it"
            )
        with self._transaction() as connection, self._database.faults():
            written = self._replace(self._writer(connection, partition), staged)
            if not self._shares_storage():
                staged.fence()
            return written

    def digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
        """What the table really holds, computed from the ids of its rows."""
        need_file(self._reader)
        with self._reader.reading() as connection:
            if table.exists(connection, self._reader.where):
                yield from archive.digests(connection, window)

    def records(self, partition: Partition) -> Iterator[StagedRecord]:
        """What the table really holds of a partition."""
        need_file(self._reader)
        with self._reader.reading() as connection:
            if table.exists(connection, self._reader.where):
                yield from archive.held(connection, partition)

    def check(self) -> str:
        """Connect, and see that the table can be written, or created."""
        missing = self._database.missing_file()
        if missing is not None:
            if not os.access(missing.absolute().parent, os.W_OK):
                raise PermanentError(f"{self._database.where}: its folder is not there or not writable; create it")
            return "the file will be created"
        with self._database.reading() as connection:
            found = version(connection)
            if not table.exists(connection, self._database.where):
                return f"{found}, the table {table.NAME} will be created"
        with self._database.rehearsing() as connection:
            for statement in _RIGHTS:
                connection.exec_driver_sql(statement)
        return f"{found}, the table {table.NAME} is there"

    def _transaction(self) -> AbstractContextManager[Any]:
        """The engine's own transaction if the storage is this database, so that both are committed together."""
        if self.context.storage is not None and self._shares_storage():
            return self.context.storage.transaction()
        return self._database.writing()

    def _shares_storage(self) -> bool:
        return self.context.storage is not None and self.context.storage.location == self._database.where

    def _writer(self, connection: Connection, partition: Partition) -> Writer:
        kind = writer_for(connection.dialect.name, connection.dialect.driver)
        return kind(connection, partition, batch_size=self.options.batch_size, batch_bytes=self.options.batch_bytes)

    @staticmethod
    def _replace(writer: Writer, staged: Staged) -> Written:
        weeded = writer.weed() if staged.drifted else 0
        difference = compare(staged.ids, writer.held())
        added, removed, kept = difference.counts
        if removed and not kept:
            writer.clear()
        elif removed:
            writer.delete(difference.removed)
        if added:
            _insert(writer, difference, staged)
        return Written(added, removed + weeded, kept)

    def _create(self) -> None:
        with self._transaction() as connection, self._database.faults():
            if not table.exists(connection, self._database.where):
                table.create(connection)

    def _is_there(self) -> bool:
        with self._transaction() as connection, self._database.faults():
            return table.exists(connection, self._database.where)


def _insert(writer: Writer, difference: Difference, staged: Staged) -> None:
    if not difference.kept:
        writer.insert(staged)
        return
    missing = difference.missing()
    writer.insert(record for record in staged if record.id in missing)
