"""Writers: a partition as the content of a file, in each format, and what such a file has."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from math import isfinite
from typing import IO, Any

from monolith_core import Partition, PermanentError, Staged, StagedRecord
from monolith_plugins_files import lines
from monolith_plugins_files.columns import BOOLEAN, NUMBER, Columns, Names, columns_of, text_of
from monolith_plugins_files.compression import Compression, reader, writer
from monolith_plugins_files.content import LONGEST_LINE, allow_long_fields
from monolith_plugins_files.faults import shown
from monolith_plugins_files.parquet import pyarrow

ROWS = 8_000
"""Rows of one group of a Parquet file."""

_ID_BYTES = 16
_LONGEST = 2**53
"""The first whole number beyond which a float leaves some out."""


class Writer(ABC):
    """Writes partitions in one format; `names` and `types` are those of the columns of a table."""

    proves = False
    """Whether files with the same ids are the same files."""

    def __init__(self, names: Names, types: Mapping[str, str]) -> None:
        self.names = names
        self.types = types

    @abstractmethod
    def write(self, staged: Staged, file: IO[bytes], compression: Compression) -> None:
        """Write every record into a file, which stays open; the same records in the same order give the same."""

    @abstractmethod
    def ids(self, partition: Partition, file: IO[bytes], compression: Compression) -> Iterator[bytes]:
        """The id of each record that a file has; what is no record of the partition has another one."""


class LinesWriter(Writer):
    """Lines of JSON, which are all that there is to a record."""

    proves = True

    def write(self, staged: Staged, file: IO[bytes], compression: Compression) -> None:
        """Write a line for each record."""
        with _packed(file, compression) as out:
            out.writelines(lines.written(staged.partition, staged))

    def ids(self, partition: Partition, file: IO[bytes], compression: Compression) -> Iterator[bytes]:
        """The ids that the contents of the lines give."""
        return (record.id for record in self.records(partition, file, compression))

    def records(self, partition: Partition, file: IO[bytes], compression: Compression) -> Iterator[StagedRecord]:
        """The record of each line."""
        with _unpacked(file, compression) as content:
            yield from lines.read(partition, content)


class CsvWriter(Writer):
    """A table of texts: numbers, true and false as in JSON, null and an empty text both as nothing."""

    def write(self, staged: Staged, file: IO[bytes], compression: Compression) -> None:
        """Write a header, and a row for each record."""
        columns = columns_of(staged, self.names)
        day = staged.partition.date.isoformat()
        with _packed(file, compression) as out:
            text = io.TextIOWrapper(out, encoding="utf-8", newline="")
            table = csv.writer(_Rows(text), lineterminator=_Rows.END)
            table.writerow(columns.header)
            for record, values in columns.rows(staged):
                texts = list(map(_csv_text, values))
                if sum(map(len, texts)) > LONGEST_LINE:
                    _check_fields(columns.fields, texts, staged.partition)
                table.writerow((day, record.category, *texts, record.id.hex()))
            text.detach()

    def ids(self, partition: Partition, file: IO[bytes], compression: Compression) -> Iterator[bytes]:
        """The ids in the last column."""
        allow_long_fields()
        day = partition.date.isoformat()
        with _unpacked(file, compression) as content, io.TextIOWrapper(content, encoding="utf-8", newline="") as text:
            rows = csv.reader(text, strict=True)
            header = next(rows, [])
            for row in rows:
                named = len(row) == len(header) and header[-1:] == [self.names.id] and row[0] == day
                yield _id(row[-1]) if named else lines.stranger(repr(row).encode())


class ParquetWriter(Writer):
    """A table with types: texts, numbers, booleans; objects and lists as JSON."""

    def write(self, staged: Staged, file: IO[bytes], compression: Compression) -> None:
        """Write groups of rows."""
        arrow, parquet = pyarrow()
        columns = columns_of(staged, self.names)
        makers = [_maker(name, self._type(name, columns), staged.partition) for name in columns.fields]
        kinds = {"text": arrow.string(), "integer": arrow.int64(), "float": arrow.float64(), "boolean": arrow.bool_()}
        types = [kinds.get(self._type(name, columns), arrow.string()) for name in columns.fields]
        fields = zip(columns.header, [arrow.date32(), arrow.string(), *types, arrow.binary(_ID_BYTES)], strict=True)
        schema = arrow.schema(list(fields))
        with parquet.ParquetWriter(file, schema) as table:
            rows = columns.rows(staged)
            while group := list(islice(rows, ROWS)):
                made = [[make(values[at]) for _, values in group] for at, make in enumerate(makers)]
                day, categories = [staged.partition.date] * len(group), [record.category for record, _ in group]
                arrays = [day, categories, *made, [record.id for record, _ in group]]
                table.write_table(arrow.table(arrays, schema=schema))

    def ids(self, partition: Partition, file: IO[bytes], compression: Compression) -> Iterator[bytes]:
        """The ids in their column."""
        _, parquet = pyarrow()
        table = parquet.ParquetFile(file)
        for batch in table.iter_batches(columns=[self.names.date, self.names.id], batch_size=ROWS):
            for day, found in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                named = day == partition.date and isinstance(found, bytes) and len(found) == _ID_BYTES
                yield found if named else lines.stranger(repr(found).encode())

    def _type(self, name: str, columns: Columns) -> str:
        """The type that a column is given; without one every number is a float, as the next one may have a fraction."""
        given = self.types.get(name) or self.types.get("*")
        if given is not None:
            return given
        kinds = columns.kinds[name]
        return {frozenset([NUMBER]): "float", frozenset([BOOLEAN]): "boolean"}.get(kinds, "text")


WRITERS: dict[str, type[Writer]] = {"jsonl": LinesWriter, "csv": CsvWriter, "parquet": ParquetWriter}


@contextmanager
def _packed(file: IO[bytes], compression: Compression) -> Iterator[IO[bytes]]:
    out = writer(file, compression)
    try:
        yield out
    finally:
        if out is not file:
            out.close()


@contextmanager
def _unpacked(file: IO[bytes], compression: Compression) -> Iterator[IO[bytes]]:
    content = reader(file, compression)
    try:
        yield content
    finally:
        content.close()


class _Rows:
    """Ends rows with a line feed.

    Python's writer quotes the characters of its own line end and, before Python 3.13, no others: a carriage return that
    is not quoted would end a row too.
    """

    END = "\r\n"

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def write(self, row: str) -> int:
        return self._text.write(f"{row.removesuffix(self.END)}\n")


def _check_fields(names: Sequence[str], texts: Sequence[str], partition: Partition) -> None:
    """Raise PermanentError for a text that is too long to be read again."""
    for name, text in zip(names, texts, strict=True):
        if len(text) > LONGEST_LINE:
            raise PermanentError(
                f"{partition}: {name}: a text of {len(text):,} characters, expected at most {LONGEST_LINE:,} in CSV; "
                "set format = jsonl or parquet"
            )


def _csv_text(raw: bytes) -> str:
    return "" if raw == b"null" else _text(raw)


def _text(raw: bytes) -> str:
    return text_of(raw) if raw.startswith(b'"') else raw.decode()


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    return found if len(found) == _ID_BYTES else lines.stranger(text.encode())


def _integer(raw: bytes) -> int:
    value = int(raw)
    if not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def _float(raw: bytes) -> float:
    value = float(raw)
    whole = raw.lstrip(b"-").isdigit() and abs(value) >= _LONGEST
    if not isfinite(value) or (whole and int(raw) != int(value)):
        raise ValueError
    return value


def _boolean(raw: bytes) -> bool:
    return {b"true": True, b"false": False}[raw]


_MAKERS: dict[str, Callable[[bytes], Any]] = {
    "text": _text,
    "json": bytes.decode,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
}


def _maker(name: str, kind: str, partition: Partition) -> Callable[[bytes], Any]:
    convert = _MAKERS[kind]

    def make(raw: bytes) -> Any:
        if raw == b"null":
            return None
        try:
            return convert(raw)
        except (ValueError, KeyError):
            raise PermanentError(
                f"{partition}: {name}: got {shown(raw.decode())}, which cannot be kept as {kind}; "
                f"set types = {name}: text"
            ) from None

    return make
