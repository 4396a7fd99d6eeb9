"""Documents: how a partition's records are named and written in Elasticsearch; pure, without a connection.

A document is the record's data with two fields before it, the day and `monolith`. The archived bytes are spliced in as
they are. Its id is the day and the content id: eight digits, and 22 characters of base64url. Eight base64 characters
are six whole bytes, so the thirty together are base64 of 22 bytes too, and that is what Elasticsearch keeps of them.
"""

from __future__ import annotations

import datetime as dt
import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Any

from monolith_core import Partition, RecordError, StagedRecord

ID_LENGTH = 30
_DAY_LENGTH = 8
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_pieces_of = Struct(">II8x").iter_unpack
"""The two pieces of each id, whose sums tell what a partition holds."""

_HANDFUL, _HANDFUL_BYTES = 500, 2**18

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


def _all_written(ids: Sequence[bytes]) -> list[bytes]:
    """`_written` of each: with two bytes more an id is base64 of a length of its own, so that all are made at once."""
    found = b2a_base64(b"\0\0".join([*ids, b""]), newline=False).translate(_TO_URL)
    return [found[at : at + 22] for at in range(0, len(found), 24)]


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

    def create(self, records: Sequence[StagedRecord]) -> list[bytes]:
        """For each record the two lines that create its document, and change nothing if it is there."""
        return self._lines(self._create, records)

    def rewrite(self, records: Sequence[StagedRecord]) -> list[bytes]:
        """For each record the two lines that write its document, whatever is there."""
        return self._lines(self._rewrite, records)

    def _lines(self, action: bytes, records: Sequence[StagedRecord]) -> list[bytes]:
        """Two lines for each of some hundred records: made together, they cost half as much."""
        ids, categories, every = zip(*records, strict=True)
        dates = self._dates(every)
        forms = {key: self._form(action, *key) for key in set(zip(categories, dates, strict=True))}
        pieces = _pieces_of(b"".join(ids))
        return [
            forms[category, date] % (name, a, b, b"" if data == b"{}" else b",", data[1:])
            for category, date, name, (a, b), data in zip(
                categories, dates, _all_written(ids), pieces, every, strict=True
            )
        ]

    def _form(self, action: bytes, category: str, date: bytes) -> bytes:
        """The two lines of a record as a format of its name, the pieces of its id, and its data."""
        head = self._head(category, date).replace(b"%", b"%%")
        return action + b'%b"}}\n' + head + b',"a":%d,"b":%d}%b%b\n'

    def _dates(self, every: Sequence[bytes]) -> Sequence[bytes]:
        """What each record's document has before its data: the day, or nothing where the data has it."""
        first, second = self._names
        whole = b"".join(every)
        if first not in whole and second not in whole:
            return [self._date] * len(every)
        return [b"" if (first in data or second in data) and self._has_day(data) else self._date for data in every]

    def record(self, name: str, category: str, document: bytes) -> StagedRecord:
        """The record of a document; if it does not have what monolith put before the data, all of it is the data."""
        identity = content_of(name, self._prefix.decode()) or name.encode()[:16].ljust(16, b"\0")
        for date in (self._date, b""):
            start = self._head(category, date) + b',"a":%d,"b":%d}' % next(_pieces_of(identity))
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


def handfuls(records: Iterable[StagedRecord]) -> Iterator[list[StagedRecord]]:
    """The records in lists for `Writer`: some hundred, or fewer large ones."""
    some: list[StagedRecord] = []
    size = 0
    for record in records:
        some.append(record)
        size += len(record[2])
        if size > _HANDFUL_BYTES or len(some) == _HANDFUL:
            yield some
            some, size = [], 0
    if some:
        yield some


def batches(lines: Iterable[bytes], most_bytes: int, most: int) -> Iterator[tuple[list[bytes], bool]]:
    """The lines in order, in lists of at most so many bytes and so many actions; a longer one stands alone.

    With each comes whether it is the last one.
    """
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (size + len(line) > most_bytes or len(batch) >= most):
            yield batch, False
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch, True


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
