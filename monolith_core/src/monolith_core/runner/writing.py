"""Writing: one target, one source, one phase: what a window's answer changes in the target and in the ledger."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import trio

from monolith_core import days, faults
from monolith_core.config import Config
from monolith_core.errors import LeaseLost, MonolithError, TemporaryError
from monolith_core.events import DueDay, PartitionFinished, Reason, Retry, State
from monolith_core.partition import EMPTY, Digest, Partition, Window
from monolith_core.plugin import Target, Written
from monolith_core.retry import retrying
from monolith_core.runner.answer import Answer, NoAnswer
from monolith_core.runner.asking import GIVE_UP
from monolith_core.runner.control import Control
from monolith_core.runner.delivery import Delivery
from monolith_core.runner.guard import Guard, really_held
from monolith_core.runner.local import plain_errors
from monolith_core.runner.notify import Notify
from monolith_core.runner.opened import Opened
from monolith_core.runner.planning import fingerprint
from monolith_core.runner.request import Request
from monolith_core.runner.tenure import Tenure
from monolith_core.runner.watch import watched
from monolith_core.secrets import hide
from monolith_core.stage import StagedPartition
from monolith_core.states import move
from monolith_core.storage import LedgerRow, Storage

_threads = trio.CapacityLimiter(math.inf)


@dataclass
class Health:
    """How a target fares in a phase: after some partitions in a row that failed it is given up for the phase."""

    misses: int = 0
    given_up: str = ""

    def miss(self, error: TemporaryError) -> None:
        """A partition failed for a reason that might have passed."""
        self.misses += 1
        if self.misses >= GIVE_UP:
            self.given_up = f"not tried after {GIVE_UP} partitions failed in a row: {error}"


@dataclass(frozen=True)
class Desk:
    """What everyone who writes in a phase shares."""

    config: Config
    phase: str
    run: str
    storage: Storage
    request: Request
    control: Control
    notify: Notify


@dataclass(frozen=True)
class Task:
    """One partition to be made equal in the target, the day it is part of, and what the ledger knew of it.

    `held` is what the target holds, as far as that is known.
    """

    partition: Partition
    due: DueDay
    row: LedgerRow | None
    staged: StagedPartition
    held: Digest | None

    @property
    def unknown(self) -> bool:
        """Whether the ledger does not know what the target holds."""
        return self.row is None or self.row.written is None


class Writing:
    """Writes what one source says into one target.

    `offered` are the partitions of a source that has its own: it is asked for them one by one. An ordinary source
    (None) is asked for a day, and may yield records of other sources with it.
    """

    def __init__(
        self,
        desk: Desk,
        source: str,
        opened: Opened[Target],
        held: Tenure,
        health: Health,
        offered: Mapping[Partition, Digest] | None,
    ) -> None:
        self._desk = desk
        self._offered = offered
        self._source = source
        self._opened = opened
        self._held = held
        self._health = health
        self._untold = ""
        self._mark = fingerprint(desk.config.sources[source], opened.config)
        self._shares = opened.config.options.location() == desk.storage.location
        self._settle: float = desk.config.sources[source].options.settle
        self._guard = Guard(1.0 if desk.request.force else desk.config.sources[source].options.max_shrink, self._accept)

    @property
    def target(self) -> str:
        """The target's id."""
        return self._opened.id

    async def write(self, answer: Answer | NoAnswer, due: Mapping[dt.date, DueDay]) -> list[dt.date]:
        """Write the days of an answer that are due in this target, newest first, and say what became of each.

        Gives the days that were dealt with: all of them, unless the run is to stop.
        """
        rows = await self._rows(answer.window) if due else {}
        if isinstance(answer, NoAnswer):
            await self._give_reasons(answer, due, rows)
            return list(due)
        tasks = {day: self._tasks(answer, due[day], rows) for day in sorted(due, reverse=True)}
        tasks = await self._with_what_is_held(answer.window, tasks)
        same = [day for day in tasks if all(map(self._unchanged, tasks[day]))]
        await self._keep(answer, [task for day in same for task in tasks.pop(day)])
        for day, of_day in tasks.items():
            if self._desk.control.stopping:
                return same
            for task in of_day:
                await self._one(answer, task)
            same.append(day)
        return same

    async def _rows(self, window: Window) -> dict[Partition, LedgerRow]:
        def read() -> list[LedgerRow]:
            return self._desk.storage.ledger.rows(targets=[self._opened.id], start=window.start, end=window.end)

        rows = await trio.to_thread.run_sync(read, limiter=self._desk.storage.limiter)
        return {
            Partition(row.source, row.date): row
            for row in rows
            if row.via == self._source or row.source == window.source
        }

    def _tasks(self, answer: Answer, due: DueDay, rows: Mapping[Partition, LedgerRow]) -> list[Task]:
        """Every partition of a day: those that came, those that were held and did not come, and the planned one.

        The planned one is the last, so that a day that was interrupted is due again.
        """
        planned, wanted = due.partition, self._desk.request.sources
        everything = wanted is None or self._source in wanted
        known = [*answer.partitions, *(partition for partition, row in rows.items() if row.digest)]
        others = {
            partition
            for partition in known
            if partition.date == planned.date and self._belongs(partition, rows.get(partition), answer)
        }
        return [
            self._task(each, due, rows.get(each), answer)
            for each in [*sorted(others - {planned}), planned]
            if everything or each.source in (wanted or ())
        ]

    def _task(self, partition: Partition, due: DueDay, row: LedgerRow | None, answer: Answer) -> Task:
        staged = answer.partitions.get(partition) or answer.stage.empty(partition)
        return Task(partition, due, row, staged, row.digest if row is not None else None)

    async def _with_what_is_held(self, window: Window, tasks: dict[dt.date, list[Task]]) -> dict[dt.date, list[Task]]:
        """The tasks, with what the target tells where the ledger does not know what it holds."""
        unknown = any(task.unknown for of_day in tasks.values() for task in of_day)
        if not unknown or not self._guard.watches or self._opened.error is not None or self._health.given_up:
            return tasks
        found = await trio.to_thread.run_sync(
            really_held, self._opened.id, self._opened.plugin, window, abandon_on_cancel=True, limiter=_threads
        )
        if isinstance(found, MonolithError):
            self._untold = str(found)
            return tasks
        self._untold = ""
        return {
            day: [replace(task, held=found.get(task.partition, task.held)) if task.unknown else task for task in of_day]
            for day, of_day in tasks.items()
        }

    def _belongs(self, partition: Partition, row: LedgerRow | None, answer: Answer) -> bool:
        """Whether this source speaks for a partition: it yielded it now, or it did so before."""
        if self._offered is not None:
            return partition.source == answer.window.source
        return partition in answer.partitions or (row is not None and row.via == self._source)

    def _unchanged(self, task: Task) -> bool:
        """Whether the target is known to hold what is staged; by force one outside of the storage is not believed."""
        row = task.row
        return (
            row is not None
            and row.written is not None
            and (self._shares or not self._desk.request.force)
            and row.state in ("done", "held", "deferred")
            and row.fingerprint == self._mark
            and row.digest == task.staged.digest
        )

    def _accept(self, partition: Partition) -> str:
        """The command that accepts a smaller answer."""
        config = self._desk.config
        phase = f" --sequence {self._desk.phase}" if len(config.phases) > 1 else ""
        return f"monolith-extract {config.path}{phase} --source {partition.source} --date {partition.date} --force"

    def _mismatch(self, task: Task) -> str:
        """Why an offered partition is not the one that came, empty if it is."""
        if self._offered is None:
            return ""
        offered, came = self._offered.get(task.partition, EMPTY), task.staged.digest
        if offered == came:
            return ""
        return (
            f"{self._source} was to hold {offered.count} records of {task.partition} and yielded {came.count}, not all "
            "of them the same: something else than monolith changed them, or they changed while they were read"
        )

    async def _one(self, answer: Answer, task: Task) -> None:
        if self._unchanged(task):
            await self._keep(answer, [task])
        else:
            await self._replace(answer, task)

    async def _keep(self, answer: Answer, tasks: list[Task]) -> None:
        """Record that these were asked again and are unchanged."""
        if not tasks:
            return
        rows = [self._row(task, answer.asked, "done", task.staged.digest, wrote=False) for task in tasks]
        await self._record(rows)
        for task in tasks:
            self._tell(task.partition, task.due.reason, "unchanged", digest=task.staged.digest)

    async def _replace(self, answer: Answer, task: Task) -> None:
        why = self._guard.objection(task.partition, task.held, task.staged.digest)
        if why:
            await self._refuse(answer, task, "held", why)
            return
        trouble = self._opened.error or self._health.given_up or self._mismatch(task)
        if not trouble and task.unknown:
            trouble = self._untold
        if trouble:
            await self._refuse(answer, task, "failed", str(trouble))
            return
        row = self._row(task, answer.asked, "done", task.staged.digest, wrote=True)
        try:
            written = await self._insist(task, row)
        except LeaseLost:
            raise
        except TemporaryError as error:
            self._health.miss(error)
            await self._refuse(answer, task, "failed", str(error))
        except MonolithError as error:
            self._health.misses = 0
            await self._refuse(answer, task, "failed", str(error))
        else:
            self._health.misses = 0
            self._tell(
                task.partition,
                task.due.reason,
                "done",
                digest=task.staged.digest,
                added=written.added,
                removed=written.removed,
            )

    async def _insist(self, task: Task, row: LedgerRow) -> Written:
        """Write one partition and its row, again after temporary errors."""
        options = self._opened.config.options

        async def once() -> Written:
            delivery = Delivery(task.staged, self._held.confirm, drifted=_drifted(task.row))
            try:
                return await watched(
                    lambda: trio.to_thread.run_sync(
                        self._commit,
                        task.partition,
                        delivery,
                        row,
                        abandon_on_cancel=True,
                        limiter=self._desk.storage.limiter if self._shares else _threads,
                    ),
                    timeout=options.timeout,
                    stamp=lambda: delivery.stamp,
                    what=f"target {self._opened.id}",
                )
            except BaseException:
                delivery.abandon()
                raise

        def before(error: TemporaryError, attempt: int, delay: float) -> None:
            doing = f"write {task.partition} to {self._opened.id}"
            event = Retry(self._desk.phase, self._source, doing, hide(str(error)), attempt, options.retries, delay)
            self._desk.notify("retry", event=event)

        retries = 0 if self._health.misses else options.retries
        return await retrying(once, retries=retries, patience=options.timeout, before=before)

    def _commit(self, partition: Partition, delivery: Delivery, row: LedgerRow) -> Written:
        """Write the partition and its row: in one transaction if the target's database is the storage."""
        delivery.begin()
        faults.point("replacing")
        if self._shares:
            with self._desk.storage.transaction() as connection:
                written = self._call(partition, delivery)
                self._put(connection, [row])
                delivery.check()
        else:
            delivery.fence()
            written = self._call(partition, delivery)
            with self._desk.storage.transaction() as connection:
                self._put(connection, [row])
                delivery.check()
        faults.point("committed")
        return written

    def _call(self, partition: Partition, delivery: Delivery) -> Written:
        assert self._opened.plugin is not None
        with plain_errors(self._opened.id):
            written = self._opened.plugin.replace(partition, delivery)
        faults.point("replaced")
        return written

    def _put(self, connection: Any, rows: list[LedgerRow]) -> None:
        self._desk.storage.ledger.put(rows)
        faults.point("recorded")
        self._held.fence(connection)

    async def _record(self, rows: list[LedgerRow]) -> None:
        def put() -> None:
            with self._desk.storage.transaction() as connection:
                self._put(connection, rows)

        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(put, limiter=self._desk.storage.limiter)

    async def _refuse(self, answer: Answer, task: Task, outcome: Literal["failed", "held"], error: str) -> None:
        """Keep what the target held, and say why."""
        await self._record([self._row(task, answer.asked, outcome, task.held, wrote=False, error=error)])
        self._tell(task.partition, task.due.reason, outcome, digest=task.held, error=error)

    async def _give_reasons(
        self, answer: NoAnswer, due: Mapping[dt.date, DueDay], rows: Mapping[Partition, LedgerRow]
    ) -> None:
        """Record why days that were due have no answer."""
        if not due:
            return
        kept = []
        for day in sorted(due, reverse=True):
            old = rows.get(Partition(answer.window.source, day))
            kept.append(
                self._new_row(
                    Partition(answer.window.source, day),
                    old,
                    answer.asked,
                    answer.outcome,
                    old.digest if old is not None else None,
                    wrote=False,
                    error=answer.error,
                )
            )
        await self._record(kept)
        for row in kept:
            partition = Partition(row.source, row.date)
            self._tell(partition, due[row.date].reason, answer.outcome, digest=row.digest, error=answer.error)

    def _row(
        self, task: Task, asked: dt.datetime, state: State, digest: Digest | None, *, wrote: bool, error: str = ""
    ) -> LedgerRow:
        return self._new_row(task.partition, task.row, asked, state, digest, wrote=wrote, error=error)

    def _new_row(
        self,
        partition: Partition,
        old: LedgerRow | None,
        asked: dt.datetime,
        state: State,
        digest: Digest | None,
        *,
        wrote: bool,
        error: str,
    ) -> LedgerRow:
        """The ledger's new row. One that is not done keeps what it said of the answer that is held."""
        found: State | None = "drift" if digest else None  # without a row it is the target that told of something
        row = LedgerRow(
            target=self._opened.id,
            source=partition.source,
            date=partition.date,
            via=self._source,
            state=move(old.state if old is not None else found, state),
            digest=digest,
            fingerprint=self._mark,
            age=days.age(partition.date, self._desk.config.monolith.timezone, asked),
            asked=asked,
            written=asked if wrote else _written(old),
            run=self._desk.run,
            error=hide(error),
            remark="",
        )
        if state == "done" or old is None:
            return row
        return replace(row, fingerprint=old.fingerprint, age=old.age, asked=old.asked)

    def _tell(
        self,
        partition: Partition,
        reason: Reason,
        outcome: Literal["done", "unchanged", "failed", "held", "deferred", "skipped"],
        *,
        digest: Digest | None,
        added: int = 0,
        removed: int = 0,
        error: str = "",
    ) -> None:
        event = PartitionFinished(
            self._desk.phase,
            self._source,
            self._opened.id,
            partition,
            reason,
            outcome,
            digest or EMPTY,
            added=added,
            removed=removed,
            error=hide(error),
        )
        self._desk.notify("partition_finished", event=event)


def _written(old: LedgerRow | None) -> dt.datetime | None:
    """When what the target holds was written; None if that is not known: never, or it was found to be different."""
    return None if old is None or old.state == "drift" else old.written


def _drifted(row: LedgerRow | None) -> bool:
    """Whether what the target holds was found to be different, and has not been written since."""
    return row is not None and row.digest is not None and _written(row) is None
