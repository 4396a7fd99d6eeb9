"""Staged partitions for tests of targets: the contract's `Staged`, with everything in memory."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from monolith_core.partition import Digest, Partition
from monolith_core.plugin import StagedRecord
from monolith_core.record import content_id

DAY = dt.date(2024, 2, 29)

_encode = msgspec.json.Encoder(order="sorted").encode


class MemoryStaged:
    """Some records of one partition; iterating it gives them in the order they were given. It counts its fences."""

    def __init__(self, partition: Partition, records: Iterable[StagedRecord]) -> None:
        self.partition = partition
        self.drifted = False
        self.records = list(records)
        self.ids = b"".join(sorted(record.id for record in self.records))
        self.digest = Digest.of(self.ids)
        self.fences = 0

    def __iter__(self) -> Iterator[StagedRecord]:
        return iter(self.records)

    def fence(self) -> None:
        self.fences += 1

    def rows(self) -> set[tuple[str, str, bytes, str, str]]:
        """What the archive is to hold."""
        date = self.partition.date.isoformat()
        return {(date, self.partition.source, each.id, each.category, each.data.decode()) for each in self.records}


def staged(
    data: Iterable[Mapping[str, Any]], *, source: str = "shop", day: dt.date = DAY, category: str = "sale"
) -> MemoryStaged:
    """One partition with a record for each of `data`; equal ones are numbered."""
    seen: Counter[bytes] = Counter()
    records = []
    for each in data:
        text = _encode(each)
        records.append(StagedRecord(content_id(source, day, category, text, seen[text]), category, text))
        seen[text] += 1
    return MemoryStaged(Partition(source, day), records)
