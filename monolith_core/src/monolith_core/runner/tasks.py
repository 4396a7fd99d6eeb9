"""Tasks: which partitions of a target a window's answer is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monolith_core.events import DueDay
from monolith_core.note import Note
from monolith_core.partition import Digest, Partition
from monolith_core.runner.answer import Answer
from monolith_core.stage import StagedPartition
from monolith_core.storage import LedgerRow


@dataclass(frozen=True)
class Task:
    """One partition to be made equal in the target, the day it is part of, and what the ledger knew of it.

    `held` is what the target holds, as far as that is known; `note` what the source said of the partition's day.
    """

    partition: Partition
    due: DueDay
    row: LedgerRow | None
    staged: StagedPartition
    held: Digest | None
    note: Note

    @property
    def digest(self) -> Digest | None:
        """What the target holds when the task is done."""
        return self.staged.digest if self.note.replaces else self.held

    @property
    def unknown(self) -> bool:
        """Whether the ledger does not know what the target holds."""
        return self.row is None or self.row.written is None

    @property
    def drifted(self) -> bool:
        """Whether what the target holds was found to be different, and has not been written since."""
        row = self.row
        return row is not None and row.digest is not None and (row.state == "drift" or row.written is None)


class Tasks:
    """Makes the tasks of one planned source.

    `offers` tells a source that has partitions of its own, and is asked for them one by one, from an ordinary one: that
    is asked for a day, and may yield records of other sources with it. `sources` limits whose partitions are written.
    """

    def __init__(self, source: str, sources: frozenset[str] | None, *, offers: bool) -> None:
        self._source = source
        self._sources = None if sources is None or source in sources else sources
        self._offers = offers

    def of_day(self, answer: Answer, due: DueDay, rows: Mapping[Partition, LedgerRow]) -> list[Task]:
        """Every partition of a day: those that came, those that were held and did not come, and the planned one.

        The planned one is the last, so that a day that was interrupted is due again. Of a day that is said to be
        unchanged or deferred it is the only one.
        """
        planned = due.partition
        note = answer.stage.notes.of(planned.date)
        known = [*answer.partitions, *(partition for partition, row in rows.items() if row.digest)]
        others = {
            partition
            for partition in known
            if partition.date == planned.date
            and note.replaces
            and self._speaks_for(partition, rows.get(partition), answer)
        }
        return [
            _task(each, due, rows.get(each), answer, note if each == planned else Note(planned.date))
            for each in [*sorted(others - {planned}), planned]
            if self._sources is None or each.source in self._sources
        ]

    def _speaks_for(self, partition: Partition, row: LedgerRow | None, answer: Answer) -> bool:
        """Whether this source speaks for a partition: it yielded it now, or it did so before."""
        if self._offers:
            return partition.source == answer.window.source
        return partition in answer.partitions or (row is not None and row.via == self._source)


def _task(partition: Partition, due: DueDay, row: LedgerRow | None, answer: Answer, note: Note) -> Task:
    staged = answer.partitions.get(partition) or answer.stage.empty(partition)
    if row is None:
        return Task(partition, due, row, staged, None, note)
    if note.unchanged:
        note = Note(row.date, row.remark, row.version).then(note)
    return Task(partition, due, row, staged, row.digest, note)
