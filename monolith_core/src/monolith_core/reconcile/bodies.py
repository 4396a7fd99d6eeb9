"""Bodies: whether the records of a partition are what their ids say."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from monolith_core.numbering import sort, split
from monolith_core.partition import ID_BYTES, Partition, Window
from monolith_core.plugin import StagedRecord
from monolith_core.record import ArchivedRecord, hasher
from monolith_core.stage import Stage


def sound(partition: Partition, records: Iterable[StagedRecord]) -> bool:
    """Whether every id is that of its body.

    Equal records are numbered in their ids in no particular order. They are staged as if they were an answer: then
    their numbered ids must be those that are there. Of records that are there several times only the first of each is
    checked by itself, the others as a set.
    """
    reading = _Reading(partition)
    with Stage(partition.source, Window(partition.source, partition.date, partition.date)) as stage:
        stage.fill(reading.through(records))
        if not reading.odd:
            return True
        staged = stage.finish().get(partition)
        assert staged is not None
        return len(reading.odd) == _repetitions(reading.plain) and staged.ids == sort(reading.ids())


@dataclass
class _Reading:
    """The ids of records on their way through: `plain` are those of their bodies, as if none were repeated.

    `odd` are the places of the records that have another one, `other` has these. Of a million records whose ids are
    all sound, they need no memory.
    """

    partition: Partition
    plain: bytearray = field(default_factory=bytearray)
    odd: array[int] = field(default_factory=lambda: array("Q"))
    other: bytearray = field(default_factory=bytearray)

    def through(self, records: Iterable[StagedRecord]) -> Iterator[ArchivedRecord]:
        source, date = self.partition.source, self.partition.date
        identify: dict[str, Callable[[bytes], bytes]] = {}
        for record in records:
            if record.category not in identify:
                identify[record.category] = hasher(source, date, record.category)
            plain = identify[record.category](record.data)
            if plain != record.id:
                self.odd.append(len(self.plain))
                self.other += record.id[:ID_BYTES].ljust(ID_BYTES, b"\0")
            self.plain += plain
            yield ArchivedRecord(date, source, plain, record.category, record.data)

    def ids(self) -> bytearray:
        """The ids that the records have."""
        found = bytearray(self.plain)
        for at, identity in zip(self.odd, split(self.other), strict=True):
            found[at : at + ID_BYTES] = identity
        return found


def _repetitions(ids: bytearray) -> int:
    """How many ids there are beyond the first of each."""
    ordered = sort(ids)
    return sum(
        ordered[at : at + ID_BYTES] == ordered[at + ID_BYTES : at + 2 * ID_BYTES]
        for at in range(0, len(ordered) - ID_BYTES, ID_BYTES)
    )
