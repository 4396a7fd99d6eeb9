"""Partition, Window and Digest: what is planned, asked for and compared."""

from __future__ import annotations

import datetime as dt
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

ONE_DAY = dt.timedelta(days=1)
ID_BYTES = 16
MAX_ID = 64
"""Most characters in the id of a source or a target."""


@dataclass(frozen=True, order=True, slots=True)
class Partition:
    """All the records of one source on one day."""

    source: str
    date: dt.date

    def __str__(self) -> str:
        return f"{self.source} {self.date}"


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """Consecutive days asked of a source in one call: `start` to `end`, both included.

    `source` is the source whose records are wanted: the plugin's own id, or, for a source with partitions of its own
    (the archive), the id of the partition's source.
    """

    source: str
    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a window cannot end ({self.end}) before it starts ({self.start})")

    def __str__(self) -> str:
        return f"{self.source} {self.start}" if self.start == self.end else f"{self.source} {self.start}..{self.end}"

    def __len__(self) -> int:
        return (self.end - self.start).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.start <= day <= self.end

    @property
    def next_date(self) -> dt.date:
        """The day after the last one: the exclusive end."""
        return self.end + ONE_DAY

    def days(self) -> Iterator[dt.date]:
        """Each day, oldest first."""
        for offset in range(len(self)):
            yield self.start + dt.timedelta(days=offset)

    def partitions(self) -> Iterator[Partition]:
        """Each day's partition of the window's source, oldest first."""
        for day in self.days():
            yield Partition(self.source, day)


@dataclass(frozen=True, slots=True)
class Digest:
    """Count and two order-free sums over content ids; equal digests mean equal partitions.

    `a` and `b` are the sums of the first and the second four bytes of the ids, read as big-endian unsigned integers.
    They are not reduced, so that a database or Elasticsearch can compute them by plain addition: exact in a BIGINT up
    to 2**31 records, in a double up to 2**21. Digests of disjoint sets of records add up with `+`.
    """

    count: int = 0
    a: int = 0
    b: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.count + other.count, self.a + other.a, self.b + other.b)

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        return f"{self.count}:{self.a:x}:{self.b:x}"

    @classmethod
    def of(cls, ids: bytes | bytearray | memoryview) -> Digest:
        """The digest of the content ids that stand one after the other in `ids`, 16 bytes each.

        Raises ValueError for a length that is no multiple of 16.
        """
        if len(ids) % ID_BYTES:
            raise ValueError(f"content ids are {ID_BYTES} bytes each, got {len(ids)} bytes")
        words = array("I", bytes(ids))
        if sys.byteorder == "little":
            words.byteswap()
        return cls(len(ids) // ID_BYTES, sum(words[::4]), sum(words[1::4]))


EMPTY = Digest()
