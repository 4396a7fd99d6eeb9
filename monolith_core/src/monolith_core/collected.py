"""What a stage has collected of one partition, as long as the answer comes in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain, repeat

from monolith_core.numbering import split
from monolith_core.plugin import StagedRecord
from monolith_core.record import hasher, many_hasher
from monolith_core.segments import Segment


class Group:
    """The records of one partition and category that are still in memory.

    `identify` makes the content id of one, `identify_all` those of many.
    """

    __slots__ = ("category", "data", "identify", "identify_all", "ids")

    def __init__(self, source: str, date: dt.date, category: str) -> None:
        self.category = category
        self.ids = bytearray()
        self.data: list[bytes] = []
        self.identify = hasher(source, date, category)
        self.identify_all = many_hasher(source, date, category)

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
