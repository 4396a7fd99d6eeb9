"""What targets hold, by the ledger: tens of thousands of partitions, which a plan mostly need not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from monolith_core.days import DayRange
from monolith_core.partition import Digest, Partition

if TYPE_CHECKING:
    from monolith_core.storage.ledger import Ledger


class Held(Mapping[Partition, Digest]):
    """The partitions that `targets` hold in `days` (None: all), and their digests; read when they are looked at."""

    def __init__(self, ledger: Ledger, targets: tuple[str, ...], days: DayRange | None) -> None:
        self.targets = targets
        self.days = days
        self._ledger = ledger

    def __getitem__(self, partition: Partition) -> Digest:
        return self._digests[partition]

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    @cached_property
    def _digests(self) -> dict[Partition, Digest]:
        start, end = (self.days.start, self.days.end) if self.days else (None, None)
        return self._ledger.digests(self.targets, start, end)
