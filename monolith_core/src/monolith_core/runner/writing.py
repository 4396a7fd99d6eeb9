"""Writing: one target, one source, one phase: what a window's answer changes in the target and in the ledger."""

from __future__ import annotations

import datetime as dt
import math
from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Literal

import trio

from monolith_core import faults
from monolith_core.blame import plain_errors
from monolith_core.errors import LeaseLost, MonolithError, PermanentError, TemporaryError
from monolith_core.events import DueDay, Retry
from monolith_core.note import Note
from monolith_core.partition import EMPTY, Digest, Partition, Window
from monolith_core.plugin import Target, Written
from monolith_core.retry import retrying
from monolith_core.runner.answer import Answer, NoAnswer
from monolith_core.runner.books import Books
from monolith_core.runner.delivery import Delivery
from monolith_core.runner.desk import Desk, Health
from monolith_core.runner.guard import Guard, really_held
from monolith_core.runner.opened import Opened
from monolith_core.runner.tasks import Task, Tasks
from monolith_core.runner.tenure import Tenure
from monolith_core.runner.watch import watched
from monolith_core.secrets import hide
from monolith_core.storage import LedgerRow

LARGE = 20_000
"""Records of a day that is written beside no other as large, since each needs memory while it is written."""

_threads = trio.CapacityLimiter(math.inf)


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
        self._books = Books(desk, source, opened.id, held)
        self._tasks = Tasks(source, desk.request.sources, offers=offered is not None)
        self._shares = opened.config.options.location() == desk.storage.location
        # A transaction of the storage is one partition's, so that its rows and its row in the ledger are one.
        self._at_once = 1 if self._shares else opened.at_once
        max_shrink = desk.config.sources[source].options.max_shrink
        self._guard = Guard(1.0 if desk.request.force else max_shrink, self._accept)

    @property
    def target(self) -> str:
        """The target's id."""
        return self._opened.id

    async def write(self, answer: Answer | NoAnswer, due: Mapping[dt.date, DueDay]) -> list[dt.date]:
        """Write the days of an answer that are due in this target, newest first, and say what became of each.

        Gives the days that were dealt with: all of them, unless the run is to stop.
        """
        rows = await self._books.rows(answer.window, alone=self._offered is not None) if due else {}
        if isinstance(answer, NoAnswer):
            await self._give_reasons(answer, due, rows)
            return list(due)
        tasks = {day: self._tasks.of_day(answer, due[day], rows) for day in sorted(due, reverse=True)}
        tasks = await self._with_what_is_held(answer.window, tasks)
        same = [day for day in tasks if all(map(self._unchanged, tasks[day]))]
        await self._keep(answer, [task for day in same for task in tasks.pop(day)])
        return same + await self._days(answer, tasks)

    async def _days(self, answer: Answer, tasks: Mapping[dt.date, list[Task]]) -> list[dt.date]:
        """Write days, as many at once as the target takes; gives those that were dealt with."""
        waiting = deque(tasks.items())
        done: list[dt.date] = []
        errors: list[MonolithError] = []
        large = trio.Lock()

        def is_over() -> bool:
            return bool(errors) or self._desk.control.stopping

        async def work() -> None:
            while waiting and not is_over():
                day, of_day = waiting.popleft()
                size = sum(task.staged.digest.count for task in of_day)
                async with large if size > LARGE else nullcontext():
                    if is_over():  # while this one waited for another large one
                        return
                    try:
                        for task in of_day:
                            await self._one(answer, task)
                    except MonolithError as error:  # raised below, outside of the nursery, which would wrap it
                        errors.append(error)
                        return
                    done.append(day)

        async with trio.open_nursery() as nursery:
            for _ in range(self._at_once):
                nursery.start_soon(work)
        if errors:
            raise errors[0]
        return done

    async def _with_what_is_held(self, window: Window, tasks: dict[dt.date, list[Task]]) -> dict[dt.date, list[Task]]:
        """The tasks, with what the target tells where the ledger does not know what it holds."""
        unknown = any(task.unknown for of_day in tasks.values() for task in of_day)
        if not unknown or not self._guard.watches or self._opened.error is not None or self._health.given_up:
            return tasks
        section = self._opened.config
        try:
            found = await watched(
                lambda: trio.to_thread.run_sync(
                    really_held, section, self._opened.plugin, window, abandon_on_cancel=True, limiter=_threads
                ),
                timeout=section.options.timeout,
                stamp=lambda: 0,
                what=str(section),
            )
        except MonolithError as error:
            self._untold = str(error)
            return tasks
        self._untold = ""
        return {
            day: [replace(task, held=found.get(task.partition, task.held)) if task.unknown else task for task in of_day]
            for day, of_day in tasks.items()
        }

    def _unchanged(self, task: Task) -> bool:
        """Whether the target is known to hold what is staged; by force one outside of the storage is not believed.

        Where the source only said that the day is unchanged, that must be done, or nobody knows what it is.
        """
        row = task.row
        return (
            row is not None
            and not task.note.deferred
            and row.written is not None
            and (self._shares or not self._desk.request.force)
            and row.state in (("done",) if task.note.unchanged else ("done", "held", "deferred"))
            and row.fingerprint == self._books.mark
            and row.digest == task.digest
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
        elif task.note.deferred:
            await self._refuse(answer, task, "deferred", task.note.deferred)
        elif task.note.unchanged:
            await self._refuse(
                answer, task, "failed", "said to be unchanged, but the ledger does not have it as done now"
            )
        else:
            await self._replace(answer, task)

    async def _keep(self, answer: Answer, tasks: list[Task]) -> None:
        """Record that these were asked again and are unchanged."""
        if not tasks:
            return
        await self._books.record([self._done(answer, task) for task in tasks])
        for task in tasks:
            self._books.tell(task.partition, task.due.reason, "unchanged", digest=task.digest, remark=task.note.remark)

    def _done(self, answer: Answer, task: Task, *, wrote: bool = False) -> LedgerRow:
        """The row of a partition that the target holds as it was answered."""
        imprint = task.staged.imprint
        return self._books.row(
            task.partition, task.row, answer.asked, "done", task.digest, task.note, imprint=imprint, wrote=wrote
        )

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
        row = self._done(answer, task, wrote=True)
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
            self._books.tell(
                task.partition,
                task.due.reason,
                "done",
                digest=task.digest,
                added=written.added,
                removed=written.removed,
                remark=task.note.remark,
            )

    async def _insist(self, task: Task, row: LedgerRow) -> Written:
        """Write one partition and its row, again after temporary errors."""
        options = self._opened.config.options

        async def once() -> Written:
            delivery = Delivery(task.staged, self._held.confirm, drifted=task.drifted)
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
                    what=str(self._opened.config),
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
                self._books.put(connection, [row])
                delivery.check()
        else:
            delivery.fence()
            written = self._call(partition, delivery)
            with self._desk.storage.transaction() as connection:
                self._books.put(connection, [row])
                delivery.check()
        faults.point("committed")
        return written

    def _call(self, partition: Partition, delivery: Delivery) -> Written:
        assert self._opened.plugin is not None
        with plain_errors(self._opened.config):
            written = self._opened.plugin.replace(partition, delivery)
        if not isinstance(written, Written):
            raise PermanentError(
                f"{self._opened.config} returned {type(written).__name__} from replace, "
                "expected Written(added, removed, kept)"
            )
        faults.point("replaced")
        return written

    async def _refuse(
        self, answer: Answer, task: Task, outcome: Literal["failed", "held", "deferred"], error: str
    ) -> None:
        """Keep what the target held, and say why."""
        row = self._books.row(task.partition, task.row, answer.asked, outcome, task.held, task.note, error=error)
        await self._books.record([row])
        self._books.tell(
            task.partition, task.due.reason, outcome, digest=task.held, error=error, remark=task.note.remark
        )

    async def _give_reasons(
        self, answer: NoAnswer, due: Mapping[dt.date, DueDay], rows: Mapping[Partition, LedgerRow]
    ) -> None:
        """Record why days that were due have no answer."""
        if not due:
            return
        kept = []
        for day in sorted(due, reverse=True):
            partition = Partition(answer.window.source, day)
            old = rows.get(partition)
            held = old.digest if old is not None else None
            note = Note(day)
            kept.append(self._books.row(partition, old, answer.asked, answer.outcome, held, note, error=answer.error))
        await self._books.record(kept)
        for row in kept:
            reason = due[row.date].reason
            self._books.tell(row.partition, reason, answer.outcome, digest=row.digest, error=answer.error)
