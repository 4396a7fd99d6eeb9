"""The `files` source: the rows of each day's files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import ClassVar

from monolith_core import Context, Note, Record, RecordError, Rows, Source, Window
from monolith_plugins_files import objects, tables
from monolith_plugins_files.content import Content
from monolith_plugins_files.days import day_reader
from monolith_plugins_files.faults import FileFault
from monolith_plugins_files.options import FilesSourceOptions
from monolith_plugins_files.scope import Scope
from monolith_plugins_files.search import Search
from monolith_plugins_files.storage import File, Storage

_TABLES = {"csv": tables.read_csv, "tsv": tables.read_csv, "lines": tables.read_lines}
_OBJECTS = {"json": objects.read_json, "jsonl": objects.read_jsonl, "parquet": objects.read_parquet}


class FilesSource(Source):
    """Records from files: each row, line or object is one."""

    Options: ClassVar[type[FilesSourceOptions]] = FilesSourceOptions
    options: FilesSourceOptions

    def __init__(self, options: FilesSourceOptions, context: Context) -> None:
        super().__init__(options, context)
        self._storage = Storage(options.path, options.storage_options)
        self._texts = tables.Texts(options)
        self._read_day = day_reader(options.time_format, context.timezone)

    def close(self) -> None:
        """End what the file system has open."""
        self._storage.close()

    def extract(self, window: Window) -> Iterator[Record | Rows | Note]:
        """Yield a record for each row that is dated in the window, and the version of each day."""
        found = self._search(window)
        yield from self._notes(window, found)
        for file in found.files:
            days = found.days_of(file)
            try:
                yield from self._read(file, days, found)
            except FileFault as fault:
                if len(days) == len(window):
                    raise
                # The days that have nothing to do with this file are to be had: the window is divided then.
                raise RecordError(str(fault)) from fault

    def versions(self, window: Window) -> Mapping[dt.date, str]:
        """What the files of each day are now: their names, sizes, and times or ETags."""
        found = self._search(window)
        told = {day: found.version(day) for day in window.days() if found.of(day)}
        return {day: version for day, version in told.items() if version}

    def check(self) -> str:
        """Look for files of the days wanted, at most of the last ten years, and read how the newest begins."""
        today = dt.datetime.now(self.context.timezone).date()
        end = min(self.options.until or today, today)
        start = max(self.options.since or end - dt.timedelta(days=31), end - dt.timedelta(days=3660))
        window = Window(self.context.id, min(start, end), end)
        found = self._search(window)
        newest = max((day for day in window.days() if found.of(day)), default=None)
        if newest is None:
            return f"no file of {window.start} to {window.end}: {self._written(end)} would be one"
        file = found.of(newest)[-1]
        first = next(self._read(file, found.days_of(file), found), None)
        names = list(first.columns.names if isinstance(first, Rows) else first.data) if first is not None else []
        named = f"with {', '.join(map(str, names))}" if names else "without a record of these days"
        return f"{len(list(found.files))} files of {window.start} to {window.end}; {file.path} begins {named}"

    def _search(self, window: Window) -> Search:
        return Search(self._storage, window, self.options.overlap)

    def _written(self, day: dt.date) -> str:
        """How a file of the day would be written in the configuration."""
        return self._storage.place.template.written(day)

    def _notes(self, window: Window, found: Search) -> Iterator[Note]:
        """What is to be said of each day; raises RecordError for one without a file, if that is an error."""
        for day in window.days():
            if found.of(day):
                yield Note(day, version=found.version(day))
            elif self.options.missing == "wait":
                yield Note(day, deferred=f"waits for {self._written(day)}")
            elif self.options.missing == "error":
                raise RecordError(
                    f"there is no file {self._written(day)}; bring it, or set missing = wait, or "
                    "missing = empty if that means a day without records"
                )

    def _read(self, file: File, days: Collection[dt.date], found: Search) -> Iterator[Record | Rows]:
        options = self.options
        own = next(iter(days)) if options.date_column is None else None
        scope = Scope(self._read_day, days, found.allows(file))
        self.context.log.debug("reading %s", file.path)
        with Content(self._storage, file, options.compression, most=options.max_bytes) as content:
            if options.kind in _TABLES:
                names, rows = _TABLES[options.kind](content, options)
                table = tables.Table(file.path, names, self._texts, self.context.id, own)
                for some, lines in rows:
                    yield from table.rows(some, lines, scope)
            else:
                unit = "row" if options.kind == "parquet" else ""
                made = objects.Objects(file.path, options, self.context.id, own, scope, unit)
                for line, value in _OBJECTS[options.kind](content, options):
                    record = made.record(line, value)
                    if record is not None:
                        yield record
            content.finish()
