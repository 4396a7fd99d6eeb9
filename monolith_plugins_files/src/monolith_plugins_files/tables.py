"""Tables: rows of texts, of CSV and of lines that match a pattern, and the records that they become.

Rows are converted some hundreds at once and column by column, which takes half the time of value by value; the engine
is given the columns as they are.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress, islice

from monolith_core import Columns, RecordError, Rows, Transposed
from monolith_plugins_files import patterns
from monolith_plugins_files.content import Content, allow_long_fields
from monolith_plugins_files.days import has_time
from monolith_plugins_files.faults import FileFault, shown, where
from monolith_plugins_files.options import FilesSourceOptions
from monolith_plugins_files.scope import Scope
from monolith_plugins_files.values import Column, ValueFault

FIELDS = 7000
"""Fields that are converted at once; the texts of more do not stay in a processor's own cache, which takes half as long
again."""

Row = Sequence[str | None]
Some = tuple[Sequence[Row], Sequence[int]]
"""Some rows, and the line that each begins in."""


def read_csv(content: Content, options: FilesSourceOptions) -> tuple[list[str], Iterator[Some]]:
    """The names of a CSV file's columns, and its rows; raises FileFault, also while the rows are read."""
    return _Csv(content, options).read()


def read_lines(content: Content, options: FilesSourceOptions) -> tuple[list[str], Iterator[Some]]:
    """The names of a pattern's groups, and the groups of each line."""
    pattern = patterns.compiled(options.pattern or "")
    names = sorted(pattern.groupindex, key=pattern.groupindex.__getitem__)
    places = [pattern.groupindex[name] for name in names]
    at_once = _rows_at_once(names)

    def rows() -> Iterator[Some]:
        found: list[Row] = []
        lines: list[int] = []
        for line, text in enumerate(content.lines(options.encoding, options.comment), 1):
            text = text.rstrip("\r\n")
            if not text:
                continue
            match = pattern.fullmatch(text)
            if match is None:
                raise content.fault(line, f"{shown(text)} does not match the pattern; correct the line or the pattern")
            found.append(match.group(0, *places)[1:])
            lines.append(line)
            if len(found) == at_once:
                yield found, lines
                found, lines = [], []
        yield found, lines

    return names, rows()


def _rows_at_once(names: Sequence[str]) -> int:
    return max(1, FIELDS // max(1, len(names)))


def _category(value: str | None) -> str:
    if not value:
        raise ValueFault("expected the record's category")
    return value


class _Csv:
    def __init__(self, content: Content, options: FilesSourceOptions) -> None:
        self._content = content
        self._options = options
        quoted = options.quote != "none"
        allow_long_fields()
        self._reader = csv.reader(
            content.lines(options.encoding, options.comment),
            delimiter=options.field_delimiter,
            quotechar=options.quote if quoted else None,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            strict=True,
        )

    def read(self) -> tuple[list[str], Iterator[Some]]:
        if not self._options.header:
            return self._options.columns, self._rows(self._options.columns, 1)
        header = self._next(1)
        while header == []:
            header = self._next(self._reader.line_num + 1)
        if header is None:
            return [], iter(())
        self._check(header)
        return header, self._rows(header, self._reader.line_num + 1)

    def _next(self, line: int) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise self._fault(error, line) from None

    def _rows(self, header: list[str], line: int) -> Iterator[Some]:
        at_once = _rows_at_once(header)
        while True:
            rows: list[list[str]] = []
            try:
                rows.extend(islice(self._reader, at_once))
            except csv.Error as error:
                raise self._fault(error, _begins(rows, line)[-1]) from None
            if not rows:
                return
            after = self._reader.line_num + 1
            lines: Sequence[int] = range(line, after)
            if len(lines) > len(rows):  # fields have line feeds
                lines = _begins(rows, line)[:-1]
            line = after
            if not all(rows):
                lines = list(compress(lines, rows))
                rows = list(filter(None, rows))
            yield self._checked(rows, lines, header)

    def _checked(self, rows: list[list[str]], lines: Sequence[int], header: list[str]) -> Some:
        """The rows, if each has as many fields as the header and none is the header once more."""
        if set(map(len, rows)) - {len(header)}:
            line, row = next((line, row) for line, row in zip(lines, rows, strict=True) if len(row) != len(header))
            raise self._content.fault(
                line, f"{len(row)} fields, expected {len(header)} ({_listed(header)}); is a delimiter not quoted?"
            )
        if header in rows:
            raise self._content.fault(lines[rows.index(header)], "the header once more; expected a row")
        return rows, lines

    def _check(self, header: list[str]) -> None:
        line = self._reader.line_num
        twice = [name for name, count in Counter(header).items() if count > 1]
        if twice:
            raise self._content.fault(line, f"the header has {shown(twice[0])} more than once; name each column once")
        expected = self._options.columns
        if expected and set(header) != set(expected):
            lacks = [f"lacks {name}" for name in expected if name not in header]
            more = [f"has {name} besides" for name in header if name not in expected]
            raise self._content.fault(
                line, f"the header {', '.join(lacks + more)}; expected {_listed(expected)}, as columns says"
            )

    def _fault(self, error: csv.Error, line: int) -> FileFault:
        text = str(error)
        if "unexpected end of data" in text or "field larger" in text:
            return self._content.fault(line, f"a quote that is opened in this row is never closed; expected {_QUOTE}")
        if "new-line character" in text:
            return self._content.fault(line, "lines end with a carriage return alone; expected line feeds")
        if "expected after" in text:
            return self._content.fault(line, f"text follows a closing quote; expected {_QUOTE}, or set quote = none")
        return self._content.fault(line, text)


def _begins(rows: list[list[str]], line: int) -> list[int]:
    """The line that each row begins in, if the first one does in `line`; and that of what follows."""
    return list(accumulate((1 + sum(field.count("\n") for field in row) for row in rows), initial=line))


_QUOTE = "a quote within a quoted field to be doubled"


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= 200 else f"{text[:197]}..."


class Texts:
    """What texts mean in each column of a source's files, by its name: it is the same in all of them."""

    MOST = 100_000
    """How many texts of all columns together are remembered, at most."""

    def __init__(self, options: FilesSourceOptions) -> None:
        self.options = options
        self._columns: dict[str, Column] = {}

    def of(self, name: str, count: int) -> Column:
        """The column of a name, one of `count`."""
        column = self._columns.get(name)
        if column is None:
            convert, most = self.options.convert(name), self.MOST // count
            column = self._columns[name] = Column(convert, self.options.null, most=most)
        return column


class Table:
    """Makes records of the rows of one file."""

    def __init__(self, path: str, names: list[str], texts: Texts, source: str, day: dt.date | None) -> None:
        options = texts.options
        self._path = path
        self._names = names
        self._day = day
        self._date_at = self._place(options.date_column, "date-column")
        self._category = options.category or source
        self._category_at = self._place(options.category_column, "category-column")
        for name in options.column_types:
            if name != "*":
                self._place(name, "types")
        left_out = {self._category_at, None if has_time(options.time_format) else self._date_at}
        self._places = sorted(set(range(len(names))) - left_out, key=names.__getitem__)
        self._columns = Columns([names[place] for place in self._places])
        self._texts = [texts.of(names[place], len(names)) for place in self._places]

    def _place(self, name: str | None, option: str) -> int | None:
        if name is None:
            return None
        if name not in self._names:
            raise FileFault(
                self._path, 1, f"the header has no column {name}, only {_listed(self._names)}; {option} names it"
            )
        return self._names.index(name)

    def rows(self, rows: Sequence[Row], lines: Sequence[int], scope: Scope) -> Iterable[Rows]:
        """The records of those rows that are wanted; raises FileFault for a day, RecordError for another value."""
        try:
            return self._rows(rows, scope) if rows else ()
        except ValueFault:
            for row, line in zip(rows, lines, strict=True):
                self._look(row, line, scope)
            raise

    def _rows(self, rows: Sequence[Row], scope: Scope) -> Iterable[Rows]:
        columns: list[tuple[str | None, ...]] = list(zip(*rows, strict=True))
        days: Sequence[dt.date | None] = [self._day] * len(rows)
        if self._date_at is not None:
            days = scope.days(columns[self._date_at])
            if None in days:
                columns = [tuple(compress(column, days)) for column in columns]
                days = [day for day in days if day is not None]
        categories = [self._category] * len(days)
        if self._category_at is not None:
            categories = list(map(_category, columns[self._category_at]))
        pairs = zip(self._texts, self._places, strict=True)
        return self._grouped(days, categories, [text.values(columns[place]) for text, place in pairs])

    def _grouped(
        self, days: Sequence[dt.date | None], categories: Sequence[str], columns: list[Sequence[object]]
    ) -> Iterator[Rows]:
        """The rows of each day and category; mostly there is one."""
        keys = list(zip(days, categories, strict=True))
        places: dict[tuple[dt.date | None, str], Sequence[int]] = {}
        if keys and keys.count(keys[0]) == len(keys):
            places[keys[0]] = range(len(keys))
        else:
            found: dict[tuple[dt.date | None, str], list[int]] = {}
            for place, key in enumerate(keys):
                found.setdefault(key, []).append(place)
            places.update(found)
        for (day, category), some in places.items():
            assert day is not None
            yield Rows(day, category, self._columns, _picked(columns, some))

    def _look(self, row: Row, line: int, scope: Scope) -> None:
        """Raise what is wrong with a row, if it is this one."""
        if self._date_at is not None:
            try:
                wanted = scope[row[self._date_at]]
            except ValueFault as fault:
                raise FileFault(self._path, line, self._found(row, self._date_at, fault)) from None
            if wanted is None:
                return
        for place, column in (*zip(self._places, self._texts, strict=True), (self._category_at, None)):
            if place is None:
                continue
            try:
                value = row[place]
                _ = _category(value) if column is None else list(column.values([value]))
            except ValueFault as fault:
                raise RecordError(f"{where(self._path, line)}: {self._found(row, place, fault)}") from None

    def _found(self, row: Row, place: int, fault: ValueFault) -> str:
        return f"{self._names[place]}: got {shown(row[place])}, {fault}"


def _picked(columns: list[Sequence[object]], places: Sequence[int]) -> Sequence[Sequence[object]]:
    """The rows at these places, in ascending order."""
    if not columns:
        return [()] * len(places)
    start, end = places[0], places[-1] + 1
    if end - start == len(places):  # as in a file that is sorted
        return Transposed([column[start:end] for column in columns])
    return Transposed([[column[place] for place in places] for column in columns])
