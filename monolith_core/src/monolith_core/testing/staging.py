"""Staged partitions made from data, to call a target without a run."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from monolith_core.encoding import canonical
from monolith_core.partition import Digest, Partition
from monolith_core.plugin import StagedRecord
from monolith_core.record import content_id

DAY = dt.date(2024, 2, 29)


class MemoryStaged:
    """Some records of one partition, in the order they were given; see `monolith_core.Staged`.

    It counts its `fences`. `before` is called with the number of each record, from 0, before it is given out, and
    `on_fence` at each fence: to raise there is to play what may happen in a run.
    """

    def __init__(
        self,
        partition: Partition,
        records: Iterable[StagedRecord],
        *,
        drifted: bool = False,
        before: Callable[[int], object] | None = None,
        on_fence: Callable[[], object] | None = None,
    ) -> None:
        self.partition = partition
        self.drifted = drifted
        self.records = list(records)
        self.ids = b"".join(sorted(record.id for record in self.records))
        self.digest = Digest.of(self.ids)
        self.fences = 0
        self.before = before
        self.on_fence = on_fence

    def __iter__(self) -> Iterator[StagedRecord]:
        for number, record in enumerate(self.records):
            if self.before is not None:
                self.before(number)
            yield record

    def fence(self) -> None:
        """Count it, and do what `on_fence` does."""
        self.fences += 1
        if self.on_fence is not None:
            self.on_fence()

    def rows(self) -> set[tuple[str, str, bytes, str, str]]:
        """Each record as the archive's row: date, source, id, category, data."""
        date = self.partition.date.isoformat()
        return {(date, self.partition.source, each.id, each.category, each.data.decode()) for each in self.records}


def staged(
    data: Iterable[Mapping[str, Any]],
    *,
    source: str = "shop",
    day: dt.date = DAY,
    category: str = "sale",
    **given: Any,
) -> MemoryStaged:
    """One partition with a record for each of `data`, numbered where they are equal.

    Further arguments are those of `MemoryStaged`.
    """
    seen: Counter[bytes] = Counter()
    records = []
    for each in data:
        text = canonical(each)
        records.append(StagedRecord(content_id(source, day, category, text, seen[text]), category, text))
        seen[text] += 1
    return MemoryStaged(Partition(source, day), records, **given)
