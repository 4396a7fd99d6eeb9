"""Record, and the content id that makes every write idempotent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from monolith_core.errors import RecordError
from monolith_core.partition import ID_BYTES


class Record(msgspec.Struct, frozen=True, gc=False):
    """One fact: a day, a category, and a JSON object.

    `date` is a `datetime.date` (no datetime: the source knows which day an instant belongs to). `source` is the id of
    the source that the record came from first, when that is not the plugin that yields it now.
    """

    date: dt.date
    category: str
    data: Mapping[str, Any]
    source: str | None = None


class ArchivedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as the archive keeps it: `data` is canonical JSON in UTF-8, `id` its content id; both are trusted."""

    date: dt.date
    source: str
    id: bytes
    category: str
    data: bytes


_header = msgspec.json.Encoder()


def id_header(source: str, date: dt.date, category: str, n: int = 0) -> bytes:
    """What is hashed before the data: the JSON array `[source, date, category, n]` and a line feed."""
    try:
        # A text of a derived type is hashed as the text it is, which is what is archived.
        header = _header.encode([str.__str__(source), date.isoformat(), str.__str__(category), n])
    except UnicodeEncodeError as error:
        field = "source" if error.object == source else "category"
        raise RecordError(
            "the text has a lone surrogate, which UTF-8 cannot write; mend what decodes it", field=field
        ) from None
    return header + b"\n"


def content_id(source: str, date: dt.date, category: str, data: bytes, n: int = 0) -> bytes:
    """The content id of one record: BLAKE2b with a digest of 16 bytes over its header and its canonical JSON.

    `n` counts equal records of one partition, from 0.
    """
    return blake2b(id_header(source, date, category, n) + data, digest_size=ID_BYTES).digest()


def hasher(source: str, date: dt.date, category: str, n: int = 0) -> Callable[[bytes], bytes]:
    """`content_id` for records that differ only in their data."""
    begin = blake2b(id_header(source, date, category, n), digest_size=ID_BYTES).copy

    def of(data: bytes) -> bytes:
        hashed = begin()
        hashed.update(data)
        return hashed.digest()

    return of


def many_hasher(source: str, date: dt.date, category: str) -> Callable[[Iterable[bytes]], bytearray]:
    """The content ids, one after the other, of many records that differ only in their data."""
    begin = blake2b(id_header(source, date, category), digest_size=ID_BYTES).copy

    def of(many: Iterable[bytes]) -> bytearray:
        ids = bytearray()
        for data in many:
            hashed = begin()
            hashed.update(data)
            ids += hashed.digest()
        return ids

    return of
