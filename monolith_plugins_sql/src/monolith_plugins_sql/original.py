"""The original's archive: the table that monolith-aggregator kept, in each of the forms that it had over the years.

The first tables have the columns id, date, category and data; later ones have the source and the type too. There are
some that call the data `value`, and the source `source_id`, and have a type but no category.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monolith_core import ArchivedRecord, PermanentError, RecordError, canonical, content_id
from monolith_plugins_sql.records import exact_number
from monolith_plugins_sql.table import KEY

_NAMES = {
    "id": ("id",),
    "date": ("date",),
    "source": ("source", "source_id"),
    "category": ("category",),
    "type": ("type",),
    "data": ("data", "value"),
}
_NEEDED = ("id", "date", "data")
_LONGEST = 60


class Row(NamedTuple):
    """One record of the original; what its table has no column for is None."""

    id: Any
    date: Any
    source: Any
    category: Any
    type: Any
    data: Any


@dataclass(frozen=True)
class Layout:
    """The original's table and its columns, quoted for SQL; `columns` has those that there are, by what they mean."""

    table: str
    columns: Mapping[str, str]

    def select(self, condition: str) -> str:
        """The query for rows that meet a condition, or for all; NULL stands for columns that are not there."""
        chosen = ", ".join(f"{self.columns.get(name, 'NULL')} AS {name}_" for name in Row._fields)
        where = f"WHERE {condition}" if condition else ""
        return " ".join(["SELECT", chosen, "FROM", self.table, where])

    def counts(self) -> str:
        """The query for how many rows each source has of each date."""
        chosen = f"{self.columns.get('source', 'NULL')} AS source_, {self.columns['date']} AS date_, COUNT(*)"
        return " ".join(["SELECT", chosen, "FROM", self.table, "GROUP BY 1, 2"])

    def told_apart(self) -> Layout:
        """The layout by which MariaDB and MySQL tell the sources `GA` and `ga` apart, whatever their collation is."""
        if "source" not in self.columns:
            return self
        source = f"CONVERT({self.columns['source']} USING utf8mb4) COLLATE utf8mb4_bin"
        return Layout(self.table, {**self.columns, "source": source})


def layout(connection: Connection, where: str, table: str) -> Layout:
    """The layout of the original's table; raises PermanentError if there is none, or if it is monolith's own."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(table):
        raise PermanentError(f"{where}: there is no table {table}; name the original's with the option table")
    if tuple(inspector.get_pk_constraint(table)["constrained_columns"]) == KEY:
        raise PermanentError(
            f"{where}: the table {table} is an archive of this monolith, not of the original; "
            "a source that uses sql, without a query, copies it"
        )
    quote = connection.dialect.identifier_preparer.quote
    there = {column["name"].lower(): column["name"] for column in inspector.get_columns(table)}
    columns = {
        meaning: quote(there[name]) for meaning, names in _NAMES.items() for name in names[::-1] if name in there
    }
    missing = [" or ".join(_NAMES[name]) for name in _NEEDED if name not in columns]
    if missing:
        raise PermanentError(
            f"{where}: the table {table} has no column {', '.join(missing)}, so it is not the original's archive; "
            "name that with the option table"
        )
    return Layout(quote(table), columns)


@dataclass(frozen=True)
class Translation:
    """How the original's records become ours."""

    default_source: str | None
    renames: Mapping[str, str]
    by_type: bool
    encoding: str
    timezone: ZoneInfo

    def source(self, value: Any) -> str | None:
        """The source's id from now on; None for a record that says none, where nothing is said about those."""
        name = value.decode(errors="replace") if isinstance(value, bytes) else value
        return self.renames.get(name, name) if name else self.default_source

    def day(self, value: Any) -> dt.date | None:
        """The day of a record; None if it has none."""
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str):
            try:
                value = dt.datetime.fromisoformat(value)
            except ValueError:
                return None
        if isinstance(value, dt.datetime):
            return (value.astimezone(self.timezone) if value.tzinfo else value).date()
        return value if isinstance(value, dt.date) else None

    def record(self, row: Row, source: str, day: dt.date) -> ArchivedRecord:
        """One record of ours; raises RecordError for one whose data is no JSON object that can be kept."""
        first, second = (row.type, row.category) if self.by_type else (row.category, row.type)
        category = str(first or second or source)
        data = self._object(row.data)
        self._keep(data, "category" if self.by_type else "type", second, category)
        written = canonical(data)
        return ArchivedRecord(day, source, content_id(source, day, category, written), category, written)

    def _object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        text = self._text(value)
        try:
            data = json.loads(text, parse_float=exact_number, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"is no JSON ({error}): {_shown(text)}", field="data") from None
        if not isinstance(data, dict):
            raise RecordError(f"is no JSON object: {_shown(text)}", field="data")
        return data

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if not isinstance(value, bytes | memoryview):
            shown = "NULL" if value is None else type(value).__name__
            raise RecordError(f"is {shown}, expected a JSON object", field="data")
        try:
            return bytes(value).decode(self.encoding)
        except UnicodeDecodeError as error:
            raise RecordError(
                f"is not {self.encoding} (byte {error.start}); is it encoded otherwise? See the option encoding",
                field="data",
            ) from None

    @staticmethod
    def _keep(data: dict[str, Any], name: str, value: Any, category: str) -> None:
        """Keep what the table says beside the category as a part of the data."""
        if value and value != category and data.get(name) != value:
            data[name if name not in data else f"original_{name}"] = value


def shown_id(value: Any) -> str:
    """An id as people write it: the original had numbers, texts, and bytes that are a text."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if not isinstance(value, bytes):
        return str(value)
    text = value.decode("ascii", errors="replace")
    return text if text.isprintable() and text.isascii() else value.hex()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice in one object")
    return found


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...")
