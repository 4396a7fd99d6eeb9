"""A batch: the partitions of one window in one target, told in one line."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from monolith_core.events import PartitionFinished
from monolith_core.logs.words import amount, days_text
from monolith_core.partition import Window
from monolith_core.report import summary


class Batch:
    """Collects the partitions of `window`; None stands for those that no window was asked for.

    `left` is how many partitions that are due it waits for.
    """

    def __init__(self, key: tuple[str, str, str], window: Window | None, left: int) -> None:
        self.phase, self.source, self.target = key
        self.window = window
        self.left = left
        self.days: set[dt.date] = set()
        self.problems: dict[tuple[str, str, str], list[dt.date]] = {}
        self.remarks: dict[tuple[str, str], list[dt.date]] = {}
        self._counts: Counter[str] = Counter()
        self._sources: set[str] = set()

    def add(self, event: PartitionFinished) -> None:
        """Add a partition."""
        source, day = event.partition.source, event.partition.date
        if event.outcome in ("done", "unchanged"):
            self.days.add(day)
            self._sources.add(source)
            self._counts.update({event.outcome: 1, "records": event.digest.count})
            self._counts.update({"added": event.added, "removed": event.removed})
        else:
            error = event.error or "the run was stopped"
            self.problems.setdefault((source, event.outcome, error), []).append(day)
        if event.remark:
            self.remarks.setdefault((source, event.remark), []).append(day)

    @property
    def went_well(self) -> bool:
        """Whether any partition is done or unchanged."""
        return bool(self.days)

    @property
    def facts(self) -> dict[str, int]:
        """The counts of what went well."""
        return {name: self._counts[name] for name in ("done", "unchanged", "records", "added", "removed")}

    @property
    def text(self) -> str:
        """The line about what went well."""
        counts = self._counts
        changes = f" ({counts['added']:,} added, {counts['removed']:,} removed)" if counts["done"] else ""
        return (
            f"{self.phase}: {', '.join(sorted(self._sources))} {days_text(self.days)} into {self.target}: "
            f"{summary(counts)}, {amount(counts['records'], 'record')}{changes}"
        )
