"""Objects: values that have types already, of JSON and Parquet, and the records that they become."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec

from monolith_core import MonolithError, Record, RecordError
from monolith_plugins_files.content import Content
from monolith_plugins_files.days import has_time
from monolith_plugins_files.documents import items
from monolith_plugins_files.faults import FileFault, shown, where
from monolith_plugins_files.options import FilesSourceOptions
from monolith_plugins_files.parquet import pyarrow
from monolith_plugins_files.scope import Scope
from monolith_plugins_files.storage import explained
from monolith_plugins_files.values import Convert, ValueFault, cast, number

_ARCHIVED = {"date", "category", "data"}
_ARCHIVED_ALSO = {"source"}

_decode = msgspec.json.Decoder(float_hook=number).decode

Object = tuple[int, Any]
"""A value, and the line (or the row) that it begins in."""


def read_jsonl(content: Content, options: FilesSourceOptions) -> Iterator[Object]:
    """The value of each line."""
    for line, text in enumerate(content.lines(options.encoding), 1):
        if text.isspace():
            continue
        try:
            yield line, _decode(text)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise content.fault(line, f"is no JSON ({error}); expected an object in each line") from None


def read_json(content: Content, options: FilesSourceOptions) -> Iterator[Object]:
    """Each item of a document's list."""
    return items(content, options.encoding, options.records)


def read_parquet(content: Content, options: FilesSourceOptions) -> Iterator[Object]:
    """Each row of a Parquet file."""
    arrow, parquet = pyarrow()
    row = 0
    try:
        file = parquet.ParquetFile(content.stream)
        _check_size(content, file.metadata, options.max_bytes)
        names = file.schema_arrow.names
        for batch in file.iter_batches(batch_size=1000):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                row += 1
                yield row, dict(zip(names, values, strict=True))
    except MonolithError:
        raise
    except Exception as error:
        if not isinstance(error, arrow.ArrowException) and getattr(error, "errno", None) is not None:
            raise explained(error, content.file.path) from error
        text = " ".join(str(error).split())
        raise content.fault(row and row + 1, f"is no whole Parquet file ({text})", unit="row") from error


def _check_size(content: Content, metadata: Any, most: int) -> None:
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if size > most:
        raise content.fault(0, f"has {size:,} bytes when decompressed, more than max-bytes ({most:,})")


class Objects:
    """Makes records of the values of one file."""

    def __init__(
        self, path: str, options: FilesSourceOptions, source: str, day: dt.date | None, scope: Scope, unit: str = ""
    ) -> None:
        self._path = path
        self._unit = unit
        self._day = day
        self._scope = scope
        self._date = options.date_column
        self._keeps_date = has_time(options.time_format)
        self._category = options.category or source
        self._category_column = options.category_column
        self._types = {name: (kind, options.convert(name)) for name, kind in options.column_types.items()}
        self._any: tuple[str, Convert] | None = self._types.pop("*", None)
        self._archived = self._date in (None, "date") and not (options.category or options.category_column)

    def record(self, line: int, value: Any) -> Record | None:
        """The record of a value, None if it is not wanted; raises FileFault or RecordError."""
        if not isinstance(value, dict):
            raise self._fault(line, f"got {shown(value)}, expected an object")
        if self._archived and self._is_archived(value):
            return self._from_archive(line, value)
        day = self._day if self._date is None else self._day_of(line, value, self._date)
        if day is None:
            return None
        category = self._category
        if self._date is not None and not self._keeps_date:
            del value[self._date]
        if self._category_column is not None:
            category = self._text(line, self._category_column, value.pop(self._category_column, None))
        if self._types or self._any:
            self._convert(line, value)
        return Record(day, category, value)

    @staticmethod
    def _is_archived(value: dict[str, Any]) -> bool:
        names = value.keys()
        return names >= _ARCHIVED and not names - _ARCHIVED - _ARCHIVED_ALSO and isinstance(value["data"], dict)

    def _from_archive(self, line: int, value: dict[str, Any]) -> Record | None:
        """The record that was written like this; its day must be one of this file's."""
        day = self._day_of(line, value, "date")
        if day is None:
            return None
        category = self._text(line, "category", value["category"])
        source = self._text(line, "source", value["source"]) if value.get("source") is not None else None
        return Record(day, category, value["data"], source)

    def _day_of(self, line: int, value: dict[str, Any], name: str) -> dt.date | None:
        found = value.get(name)
        try:
            return self._scope[found]
        except TypeError:  # a list or an object
            raise self._fault(line, f"{name}: got {shown(found)}, expected a day") from None
        except ValueFault as fault:
            raise self._fault(line, f"{name}: got {shown(found)}, {fault}") from None

    def _text(self, line: int, name: str, value: Any) -> str:
        if isinstance(value, str) and value:
            return value
        raise self._record_error(line, f"{name}: got {shown(value)}, expected a text that is not empty")

    def _convert(self, line: int, value: dict[str, Any]) -> None:
        for name in value if self._any else self._types:
            if name not in value or name == self._date:
                continue
            kind, convert = self._types.get(name) or self._any or ("inferred", str)
            try:
                value[name] = cast(value[name], kind, convert)
            except ValueFault as fault:
                raise self._record_error(line, f"{name}: got {shown(value[name])}, {fault}") from None

    def _fault(self, line: int, message: str) -> FileFault:
        return FileFault(self._path, line, message, unit=self._unit)

    def _record_error(self, line: int, message: str) -> RecordError:
        return RecordError(f"{where(self._path, line, self._unit)}: {message}")
