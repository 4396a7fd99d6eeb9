"""Fakes: a source that yields what it was given, and a target that keeps everything in memory."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from monolith_core.partition import Digest, Partition, Window
from monolith_core.plugin import Source, Staged, StagedRecord, Target, Written
from monolith_core.record import Record

_DAYS = Mapping[dt.date, Iterable[Mapping[str, Any]]]


class Memory:
    """What a memory target holds, by partition and id; it outlives the target. `calls` are the partitions it was
    given, in order.
    """

    def __init__(self) -> None:
        self.held: dict[Partition, dict[bytes, StagedRecord]] = {}
        self.calls: list[Partition] = []
        self.lock = threading.Lock()

    def counts(self) -> dict[str, int]:
        """How many records each partition has that has any, by `source date`."""
        return {str(partition): len(records) for partition, records in sorted(self.held.items()) if records}


class MemoryTarget(Target):
    """Keeps partitions in `memory`; make a class of it with `memory_target`."""

    memory: ClassVar[Memory]

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Hold exactly the staged records."""
        new = {record.id: record for record in staged}
        with self.memory.lock:
            staged.fence()
            old = self.memory.held.get(partition, {})
            self.memory.held[partition] = new
            self.memory.calls.append(partition)
        kept = len(old.keys() & new.keys())
        return Written(len(new) - kept, len(old) - kept, kept)

    def digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
        """The digest of every partition in the window's days."""
        with self.memory.lock:
            held = list(self.memory.held.items())
        for partition, records in held:
            if records and (window is None or partition.date in window):
                yield partition, Digest.of(b"".join(records))

    def records(self, partition: Partition) -> Iterator[StagedRecord]:
        """Every record of a partition."""
        with self.memory.lock:
            yield from list(self.memory.held.get(partition, {}).values())


class MemorySource(Source):
    """Yields what `days` has; make a class of it with `memory_source`."""

    days: ClassVar[_DAYS]
    category: ClassVar[str]
    before: ClassVar[Callable[[Window], object]]

    def extract(self, window: Window) -> Iterator[Record]:
        """A record for each piece of data of the window's days."""
        type(self).before(window)
        for day in window.days():
            for data in self.days.get(day, ()):
                yield Record(day, self.category, data)


def memory_target(memory: Memory) -> type[MemoryTarget]:
    """A target that keeps what it is given in `memory`."""
    return type("MemoryTarget", (MemoryTarget,), {"memory": memory})


def memory_source(
    days: _DAYS, *, category: str = "fact", before: Callable[[Window], object] = lambda window: None
) -> type[MemorySource]:
    """A source that has the data of some days; what is changed in `days` later, it says later.

    `before` is called with each window that is asked for, and may raise.
    """
    return type("MemorySource", (MemorySource,), {"days": days, "category": category, "before": staticmethod(before)})
