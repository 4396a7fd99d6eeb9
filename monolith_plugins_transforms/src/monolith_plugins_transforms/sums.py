"""The transform `sum`: one record for each group of a day's records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from monolith_core import Partition, Record, RecordError, Transform, TransformOptions, canonical
from monolith_plugins_transforms.paths import MISSING, Path, get, replaced


class SumOptions(TransformOptions):
    """Options of `sum`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": ["app"], "fields": ["price"]}]})

    by: tuple[Path, ...] = ()
    """The fields that records of one group have in common, and that are kept; without any, a day is one group of each
    category."""
    fields: tuple[Path, ...] = Field((), examples=["price"])
    """The fields whose numbers are added up; what a record has not, or is null, counts for nothing."""
    count: Path | None = Field(None, examples=["records"])
    """The field that says how many records a group had."""

    @model_validator(mode="after")
    def _does_something(self) -> SumOptions:
        if not self.fields and self.count is None:
            raise ValueError("nothing is added up; add fields = NAME, or count = NAME")
        written = [*self.by, *self.fields, *([self.count] if self.count else [])]
        if len(set(written)) < len(written):
            raise ValueError("by, fields and count name a field twice; name each once")
        return self


class _Group:
    """The sums of one group so far: exact sums of the numbers as they are written, in whatever order they come."""

    def __init__(self, category: str, values: list[Any], fields: Iterable[str]) -> None:
        self.category = category
        self.values = values
        self.count = 0
        self.sums: dict[str, Fraction] = dict.fromkeys(fields, Fraction())
        self.kinds: dict[str, set[type]] = {field: set() for field in fields}

    def add(self, record: Record) -> None:
        """Count one record in."""
        self.count += 1
        for field in self.sums:
            value = get(record.data, field)
            if value is MISSING or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
                raise RecordError(f"expected a number, got {type(value).__name__}", field=f"data.{field}")
            self.sums[field] += Fraction(repr(value) if isinstance(value, float) else value)
            self.kinds[field].add(type(value))

    def total(self, field: str) -> int | float:
        """The sum: a whole number if all of them were, else the nearest float."""
        total = self.sums[field]
        return int(total) if self.kinds[field] <= {int} else float(total)


class Sum(Transform):
    """Adds up the numbers of each group of a day's records, which leaves one record of each group."""

    Options = SumOptions

    def partition(self, partition: Partition, records: Iterator[Record]) -> Iterator[Record]:
        """A record for each group."""
        groups: dict[tuple[str, bytes], _Group] = {}
        for record in records:
            values = [get(record.data, path) for path in self.options.by]
            key = canonical({str(number): value for number, value in enumerate(values) if value is not MISSING})
            place = record.category, key
            if place not in groups:
                groups[place] = _Group(record.category, values, self.options.fields)
            groups[place].add(record)
        for group in groups.values():
            yield self._record(partition, group)

    def _record(self, partition: Partition, group: _Group) -> Record:
        data: Any = {}
        for path, value in zip(self.options.by, group.values, strict=True):
            if value is not MISSING:
                data = replaced(data, path, value)
        for field in group.sums:
            data = replaced(data, field, group.total(field))
        if self.options.count is not None:
            data = replaced(data, self.options.count, group.count)
        return Record(partition.date, group.category, data, partition.source)
