"""Rows become records: which column is the day, which the category, and what is data."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from monolith_core import ArchivedRecord, Columns, PermanentError, Record, RecordError, Rows, canonical
from monolith_plugins_sql.stream import Row, Stream

_ARCHIVE = {"date", "category", "data"}
_ARCHIVE_ALSO = {"source", "id"}
ID_BYTES = 16


@dataclass(frozen=True)
class Shape:
    """How a query's rows are read.

    `category` is a constant; without it the category is in `category_column`, or in a column named `category`, or, if
    there is none, it is `default_category`.
    """

    date_column: str
    category: str | None
    category_column: str | None
    default_category: str
    timezone: ZoneInfo

    def records(self, answer: Stream) -> Iterator[Rows | Record | ArchivedRecord]:
        """A record for each row of a query's answer."""
        self.check(answer.columns)
        if self._is_archive(answer.columns):
            return _archive_rows(answer, self.timezone)
        category = self._category_column(answer.columns)
        if category is not None:
            return _rows_with_category(answer, self.date_column, category, self.timezone)
        constant = self.category if self.category is not None else self.default_category
        return _plain_rows(answer, self.date_column, constant, self.timezone)

    def check(self, columns: Sequence[str]) -> None:
        """Raise PermanentError for columns that no records can be made of."""
        repeated = [name for name, count in Counter(columns).items() if count > 1]
        if repeated:
            raise PermanentError(
                f"the query gives more than one column named {', '.join(repeated)}; "
                "name each column once, with AS where two tables have the same name"
            )
        self._need(self.date_column, columns, "date-column")
        if self.category_column is not None:
            self._need(self.category_column, columns, "category-column")

    @staticmethod
    def _need(name: str, columns: Sequence[str], option: str) -> None:
        if name not in columns:
            raise PermanentError(
                f"the query gives no column {name}, only {', '.join(columns)}; "
                f"select one AS {name}, or name another with the option {option}"
            )

    def _is_archive(self, columns: Sequence[str]) -> bool:
        plain = self.date_column == "date" and self.category is None and self.category_column is None
        return plain and _ARCHIVE <= set(columns) <= _ARCHIVE | _ARCHIVE_ALSO

    def _category_column(self, columns: Sequence[str]) -> str | None:
        if self.category is not None:
            return None
        return self.category_column or ("category" if "category" in columns else None)


def days(column: str, timezone: ZoneInfo) -> Callable[[Any, int], dt.date]:
    """A function that makes a day of a value of `column` in the row of that number; it remembers the last one."""
    last_value: Any = None
    last_day: dt.date | None = None

    def day(value: Any, number: int) -> dt.date:
        nonlocal last_value, last_day
        if last_day is None or value != last_value:
            last_day = _day(value, column, number, timezone)
            last_value = value
        return last_day

    return day


def _day(value: Any, column: str, number: int, timezone: ZoneInfo) -> dt.date:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise RecordError(_no_day(f"{value[:40]!r}", number), field=column) from None
    if isinstance(value, dt.datetime):
        return (value.astimezone(timezone) if value.tzinfo else value).date()
    if isinstance(value, dt.date):
        return value
    raise RecordError(
        _no_day("NULL" if value is None else f"{type(value).__name__} {value!r}"[:60], number), field=column
    )


def _no_day(got: str, number: int) -> str:
    return (
        f"row {number} has {got}; expected a date, a date with a time, or ISO text such as 2024-02-29; "
        "leave such rows out, or convert them in the query"
    )


def _plain_rows(answer: Stream, date_column: str, category: str, timezone: ZoneInfo) -> Iterator[Rows]:
    """Rows of one category: those that come together and are of one day."""
    day, at = days(date_column, timezone), answer.columns.index(date_column)
    columns, number = _columns(answer, date_column), 1
    for batch in answer.batches:
        for value, found in groupby(batch, itemgetter(at)):
            rows = list(found)
            yield Rows(day(value, number), category, columns, rows)
            number += len(rows)


def _rows_with_category(answer: Stream, date_column: str, category_column: str, timezone: ZoneInfo) -> Iterator[Rows]:
    """Rows that name their category: those that come together and are of one day and category."""
    day, at = days(date_column, timezone), answer.columns.index(date_column)
    place = answer.columns.index(category_column)
    columns, number = _columns(answer, date_column, category_column), 1

    def kind(numbered: tuple[int, Row]) -> tuple[dt.date, str]:
        number, row = numbered
        return day(row[at], number), _category(row[place], category_column, number)

    for batch in answer.batches:
        for (date, category), found in groupby(enumerate(batch, number), kind):
            yield Rows(date, category, columns, [row for _, row in found])
        number += len(batch)


def _columns(answer: Stream, *without: str) -> Columns:
    return Columns([None if name in without else name for name in answer.columns])


def _category(value: Any, column: str, number: int) -> str:
    if type(value) is str and value:
        return value
    if value is None or value == "":
        raise RecordError(
            f"row {number} has {'NULL' if value is None else 'an empty text'}; expected the record's category",
            field=column,
        )
    return str(value)


def _archive_rows(answer: Stream, timezone: ZoneInfo) -> Iterator[Record | ArchivedRecord]:
    """Rows with the archive's own columns: their source, id and data are trusted where they are all there."""
    where = {name: answer.columns.index(name) for name in answer.columns}
    day = days("date", timezone)
    for number, row in enumerate(answer.rows, 1):
        date = day(row[where["date"]], number)
        category = _category(row[where["category"]], "category", number)
        source = row[where["source"]] if "source" in where else None
        identity: Any = row[where["id"]] if "id" in where else None
        data = row[where["data"]]
        if source and _is_id(identity) and _is_object(data):
            yield ArchivedRecord(date, source, bytes(identity), category, _bytes(data))
        else:
            yield Record(date, category, _decoded(data, number), source or None)


def _is_id(value: Any) -> bool:
    return isinstance(value, bytes | memoryview) and len(value) == ID_BYTES


def _is_object(value: Any) -> bool:
    return isinstance(value, str | bytes) and value[:1] in ("{", b"{") and value[-1:] in ("}", b"}")


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _decoded(value: Any, number: int) -> dict[str, Any]:
    """The data of a row without an id: a JSON object, or else whatever stands in a column that is named so."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str | bytes) or value[:1] not in ("{", b"{"):
        return {"data": value}
    try:
        decoded = json.loads(value, parse_float=exact_number)
    except ValueError as error:
        raise RecordError(
            f"row {number} has a text that begins like a JSON object but is none: {error}", field="data"
        ) from None
    return decoded  # type: ignore[no-any-return] # a text that begins with { can only be an object


def exact_number(text: str) -> float | Decimal:
    """A number that is written again as it stands there: `1.10` is a decimal of two places."""
    value = float(text)
    return value if canonical({"": value}) == f'{{"":{text}}}'.encode() else Decimal(text)
