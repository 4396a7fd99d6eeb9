"""Columns: the fields of a partition's records as the columns of a table, for CSV and Parquet.

The columns are the day, the category, every field that any record has, by name, and the id. A value is kept as the text
that it has in canonical JSON until a format makes something of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from monolith_core import PermanentError, Staged, StagedRecord

TEXT, NUMBER, BOOLEAN, JSON = "text", "number", "boolean", "json"
_KINDS = {ord('"'): TEXT, ord("t"): BOOLEAN, ord("f"): BOOLEAN, ord("{"): JSON, ord("["): JSON}
_NULL = b"null"

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
text_of = msgspec.json.Decoder(str).decode
"""What a text of JSON says."""


@dataclass(frozen=True)
class Names:
    """How the columns are called that are not fields."""

    date: str
    category: str
    id: str


@dataclass(frozen=True)
class Columns:
    """The columns of a partition; `kinds` has the kinds of values of each field, but for null."""

    names: Names
    kinds: dict[str, frozenset[str]]

    @property
    def fields(self) -> Sequence[str]:
        """The fields, by name."""
        return list(self.kinds)

    @property
    def header(self) -> list[str]:
        """The names of all columns."""
        return [self.names.date, self.names.category, *self.kinds, self.names.id]

    def rows(self, staged: Staged) -> Iterator[tuple[StagedRecord, list[bytes]]]:
        """Each record, and the JSON of each field, `null` for one that it has not."""
        for record in staged:
            fields = _fields(record.data)
            yield record, [bytes(fields[name]) if name in fields else _NULL for name in self.kinds]


def columns_of(staged: Staged, names: Names) -> Columns:
    """The columns of a partition; raises PermanentError if a field is called as another column is."""
    kinds: dict[str, set[str]] = {}
    day = msgspec.json.encode(staged.partition.date)
    for record in staged:
        for name, value in _fields(record.data).items():
            raw = bytes(value)
            if name == names.date and raw == day:
                continue
            found = kinds.setdefault(name, set())
            if raw != _NULL:
                found.add(_KINDS.get(raw[0], NUMBER))
    for option in ("date", "category", "id"):
        name = getattr(names, option)
        if name in kinds:
            raise PermanentError(
                f"{staged.partition}: a record has a field {name}, which is the column of the {option}; set "
                f"{option}-column to another name"
            )
    return Columns(names, {name: frozenset(kinds[name]) for name in sorted(kinds)})
