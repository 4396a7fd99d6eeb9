"""Documents: how a partition's records are named and written in Elasticsearch; pure, without a connection.

A document is the record's data with two fields before it, the day and `monolith`. The archived bytes are spliced in as
they are. Its id is the day and the content id: eight digits, and 22 characters of base64url. Eight base64 characters
are six whole bytes, so the thirty together are base64 of 22 bytes too, and that is what Elasticsearch keeps of them.
"""

from __future__ import annotations

import datetime as dt
import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Any

from monolith_core import Partition, RecordError, StagedRecord

ID_LENGTH = 30
_DAY_LENGTH = 8
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_pieces_of = Struct(">II").unpack_from

LONGEST_NUMBER = 1000
"""Digits that Elasticsearch reads of a number."""

OWN = "monolith"
"""The field that has what monolith itself needs of a document."""


def index_name(index: str, day: dt.date) -> str:
    """The monthly index of a day."""
    return f"{index}-{day.isoformat()[:7]}"


def day_prefix(day: dt.date) -> str:
    """What the ids of a day's documents begin with."""
    return day.isoformat().replace("-", "")


def document_id(day: dt.date, content_id: bytes) -> str:
    """The `_id` of a record's document."""
    return day_prefix(day) + _written(content_id).decode()


def content_of(identity: str, prefix: str) -> bytes | None:
    """The content id in the `_id` of a document of the day with this prefix; None if monolith did not make it."""
    if len(identity) != ID_LENGTH or not identity.startswith(prefix):
        return None
    try:
        written = identity[_DAY_LENGTH:].encode("ascii")
        content_id = a2b_base64(written.translate(_FROM_URL) + b"==", strict_mode=True)
    except ValueError:
        return None
    return content_id if _written(content_id) == written else None


def _written(content_id: bytes) -> bytes:
    return b2a_base64(content_id, newline=False)[:22].translate(_TO_URL)


def _checks(content_id: bytes) -> bytes:
    """The two pieces of a record's id whose sums tell what a partition holds."""
    return b',"a":%d,"b":%d}' % _pieces_of(content_id)


def text(value: Any) -> bytes:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Writer:
    """Writes the lines of bulk requests for one partition, and reads its documents."""

    def __init__(self, partition: Partition, date_field: str) -> None:
        self._day = partition.date.isoformat()
        self._prefix = day_prefix(partition.date).encode()
        self._field = date_field
        self._date = text(date_field) + b":" + text(self._day) + b","
        self._source = text(partition.source)
        self._heads: dict[tuple[str, bytes], bytes] = {}
        # What data has if it names a field of ours; to look for the bytes first costs next to nothing.
        self._names = (text(date_field) + b":", b'"monolith')
        self._create = b'{"create":{"_id":"%b' % self._prefix
        self._rewrite = b'{"index":{"_id":"%b' % self._prefix

    def create(self, record: StagedRecord) -> bytes:
        """The two lines that create a record's document, and change nothing if it is there."""
        return b"".join((self._create, _written(record.id), b'"}}\n', *self._pieces(record), b"\n"))

    def rewrite(self, record: StagedRecord) -> bytes:
        """The two lines that write a record's document, whatever is there."""
        return b"".join((self._rewrite, _written(record.id), b'"}}\n', *self._pieces(record), b"\n"))

    def document(self, record: StagedRecord) -> bytes:
        """A record's document."""
        return b"".join(self._pieces(record))

    def _pieces(self, record: StagedRecord) -> tuple[bytes, ...]:
        """A record's document in pieces, which are put together only once."""
        identity, category, data = record
        first, second = self._names
        date = b"" if (first in data or second in data) and self._has_day(data) else self._date
        return self._head(category, date), _checks(identity), b"" if data == b"{}" else b",", data[1:]

    def record(self, name: str, category: str, document: bytes) -> StagedRecord:
        """The record of a document; if it does not have what monolith put before the data, all of it is the data."""
        identity = content_of(name, self._prefix.decode()) or name.encode()[:16].ljust(16, b"\0")
        for date in (self._date, b""):
            start = self._head(category, date) + _checks(identity)
            if document.startswith(start):
                rest = document[len(start) :]
                return StagedRecord(identity, category, b"{}" if rest == b"}" else b"{" + rest[1:])
        return StagedRecord(identity, category, document)

    def _head(self, category: str, date: bytes) -> bytes:
        """The beginning of a document, which is the same for all of a category."""
        head = self._heads.get((category, date))
        if head is None:
            head = b'{%b"monolith":{"source":%b,"category":%b' % (date, self._source, text(category))
            self._heads[category, date] = head
        return head

    def delete(self, content_id: bytes) -> bytes:
        """The line that deletes a record's document."""
        return b'{"delete":{"_id":"%b%b"}}\n' % (self._prefix, _written(content_id))

    def _has_day(self, data: bytes) -> bool:
        """Whether the data has the day itself; raises RecordError if it has something else in a field of ours."""
        found = parsed(data)
        for name, value in found.items():
            if name.partition(".")[0] == OWN:
                raise RecordError(
                    f"got {shown(value)}, expected no field of this name, because monolith writes its own there; "
                    "rename it in the source",
                    field=name,
                )
        if self._field not in found:
            return False
        if found[self._field] != self._day:
            raise RecordError(
                f"got {shown(found[self._field])}, expected {self._day}, the record's day; "
                "set date-field to a name that no record has",
                field=self._field,
            )
        return True


def parsed(data: bytes) -> Any:
    """A document's data; a number longer than any index takes is left as its text."""
    return json.loads(data, parse_int=lambda digits: int(digits) if len(digits) < LONGEST_NUMBER else digits)


def shown(value: Any) -> str:
    """A value as JSON, short."""
    written = json.dumps(value, ensure_ascii=False)
    return written if len(written) <= 80 else written[:77] + "..."


def batches(lines: Iterable[bytes], most_bytes: int, most: int) -> Iterator[list[bytes]]:
    """The lines in order, in lists of at most so many bytes and so many actions; a longer one stands alone."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (size + len(line) > most_bytes or len(batch) >= most):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of an object with its dotted path: the objects within it too, and what lists of objects have."""
    if isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    elif isinstance(value, dict):
        for name, each in value.items():
            inner = f"{path}.{name}" if path else name
            yield inner, each
            yield from leaves(each, inner)
