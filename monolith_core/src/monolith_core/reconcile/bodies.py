"""Bodies: whether the records of a partition are what their ids say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from monolith_core.numbering import sort
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
        return reading.odd == _repetitions(reading.plain) and staged.ids == sort(reading.ids)


@dataclass
class _Reading:
    """The ids of records on their way through: those they have, and those of their bodies, as if none were repeated.

    `odd` counts the records for which these are not the same.
    """

    partition: Partition
    odd: int = 0
    ids: bytearray = field(default_factory=bytearray)
    plain: bytearray = field(default_factory=bytearray)

    def through(self, records: Iterable[StagedRecord]) -> Iterator[ArchivedRecord]:
        source, date = self.partition.source, self.partition.date
        identify: dict[str, Callable[[bytes], bytes]] = {}
        for record in records:
            if record.category not in identify:
                identify[record.category] = hasher(source, date, record.category)
            plain = identify[record.category](record.data)
            self.odd += plain != record.id
            self.plain += plain
            self.ids += record.id[:ID_BYTES].ljust(ID_BYTES, b"\0")
            yield ArchivedRecord(date, source, plain, record.category, record.data)


def _repetitions(ids: bytearray) -> int:
    """How many ids there are beyond the first of each."""
    ordered = sort(ids)
    return sum(
        ordered[at : at + ID_BYTES] == ordered[at + ID_BYTES : at + 2 * ID_BYTES]
        for at in range(0, len(ordered) - ID_BYTES, ID_BYTES)
    )
