"""Lines: a record as a line of JSON, as the target writes it and reads it back.

A line has the archive's own columns, `date`, `source`, `category` and `data`; `data` is the canonical JSON that the
record's id is computed from, byte for byte, so that no line needs to hold its id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from monolith_core import Partition, StagedRecord, content_id

_text = msgspec.json.encode


class _Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    date: dt.date
    source: str
    category: str
    data: msgspec.Raw


_decode = msgspec.json.Decoder(_Line).decode


def written(partition: Partition, records: Iterable[StagedRecord]) -> Iterator[bytes]:
    """The line of each record."""
    head = b'{"date":' + _text(partition.date) + b',"source":' + _text(partition.source) + b',"category":'
    heads: dict[str, bytes] = {}
    for record in records:
        start = heads.get(record.category)
        if start is None:
            start = heads[record.category] = head + _text(record.category) + b',"data":'
        yield start + record.data + b"}\n"


def read(partition: Partition, lines: Iterable[bytes]) -> Iterator[StagedRecord]:
    """The record of each line, with the id that its content gives; a line that is none of this partition has another.

    Equal records are numbered, in whatever order they stand.
    """
    repeated: dict[bytes, int] = {}
    for text in lines:
        line = _line(partition, text)
        if line is None:
            yield StagedRecord(stranger(text), "", text.rstrip(b"\n"))
            continue
        data = bytes(line.data)
        found = content_id(partition.source, partition.date, line.category, data)
        n = repeated.get(found, 0)
        repeated[found] = n + 1
        if n:
            found = content_id(partition.source, partition.date, line.category, data, n)
        yield StagedRecord(found, line.category, data)


def stranger(content: bytes) -> bytes:
    """An id that no record has, for what is in a file and is none."""
    return blake2b(content, digest_size=16, person=b"stranger").digest()


def _line(partition: Partition, text: bytes) -> _Line | None:
    try:
        line = _decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return line if (line.source, line.date) == (partition.source, partition.date) else None
