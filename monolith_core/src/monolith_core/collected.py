"""What a stage has collected of one partition, as long as the answer comes in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence, Set
from itertools import chain, repeat

from monolith_core.exact import Nan
from monolith_core.imprint import RowHash, hash_of, imprint, unpack
from monolith_core.numbering import split
from monolith_core.partition import Digest
from monolith_core.plugin import StagedRecord
from monolith_core.record import hasher, many_hasher
from monolith_core.rows import Columns, Values
from monolith_core.segments import Segment

OVERHEAD = 40
"""Bytes that Python needs for a record beside its JSON (a bytes object and a pointer)."""


class Group:
    """The records of one partition and category that are still in memory.

    `identify` makes the content id of one, `identify_all` those of many. `packed` are rows that are not encoded yet,
    which is done of a partition that `came` before and may be recognised; `hashed` is the hash of all that was packed.
    """

    __slots__ = ("came", "category", "data", "hashed", "identify", "identify_all", "ids", "packed")

    def __init__(self, source: str, date: dt.date, category: str, *, came: bool) -> None:
        self.category = category
        self.came = came
        self.ids = bytearray()
        self.data: list[bytes] = []
        self.packed: list[tuple[Columns, bytes]] = []
        self.hashed = RowHash()
        self.identify = hasher(source, date, category)
        self.identify_all = many_hasher(source, date, category)

    def encode(self, columns: Columns, values: Sequence[Values], nan: Nan, kinds: Set[type] | None = None) -> int:
        """Add rows as records; gives the bytes they take."""
        data = columns.canonical(values, nan, kinds=kinds)
        self.ids += self.identify_all(data)
        self.data += data
        return sum(map(len, data)) + len(data) * OVERHEAD

    def records(self) -> Iterator[StagedRecord]:
        """Each record with its id."""
        return map(StagedRecord, split(bytes(self.ids)), repeat(self.category), self.data)


class Collected:
    """The records of one partition: by category in memory, in sorted runs in the stage's file."""

    __slots__ = ("_ids", "groups", "runs")

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self.runs: list[list[Segment]] = []
        self._ids = bytearray()

    def in_memory(self) -> list[StagedRecord]:
        """The records that are not in the file, by id."""
        return sorted(chain.from_iterable(group.records() for group in self.groups.values()))

    def clear(self) -> None:
        """Forget what is in memory, but for its ids."""
        for group in self.groups.values():
            self._ids += group.ids
            group.ids.clear()
            group.data.clear()

    def take_ids(self) -> bytearray:
        """All ids, also of what is in the file; they are forgotten but for those of what is in memory."""
        ids, self._ids = self._ids, bytearray()
        for group in self.groups.values():
            ids += group.ids
        return ids

    @property
    def encoded(self) -> bool:
        """Whether there are records, and not only rows that may be recognised."""
        return bool(self._ids) or any(group.ids for group in self.groups.values())

    @property
    def hashed(self) -> int:
        """How many records came as rows that could be packed."""
        return sum(group.hashed.count for group in self.groups.values())

    def imprint(self, nan: Nan, digest: Digest) -> str:
        """The imprint of what could be packed, if it has this digest."""
        return imprint(hash_of({category: group.hashed for category, group in self.groups.items()}, nan), digest)

    def unpack(self, nan: Nan) -> int:
        """Encode the rows that were only packed; gives the bytes they take."""
        size = 0
        for group in self.groups.values():
            packed, group.packed = group.packed, []
            for columns, values in packed:
                size += group.encode(columns, unpack(values), nan)
        return size
