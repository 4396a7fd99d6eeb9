"""Working: one source in one phase, from its lease to its last window."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping

import trio

from monolith_core import faults
from monolith_core.config import PluginConfig
from monolith_core.days import age
from monolith_core.errors import LeaseHeld, LeaseLost, MonolithError, TemporaryError
from monolith_core.events import DueDay, PartitionFinished, Retry, SourcePlanned, SourceSkipped
from monolith_core.executor import Executor
from monolith_core.imprint import NOTHING_CAME, Came
from monolith_core.partition import Partition, Window
from monolith_core.plugin import Source, Target
from monolith_core.retry import retrying
from monolith_core.runner.answer import Answer, NoAnswer
from monolith_core.runner.asking import Asking
from monolith_core.runner.desk import Desk, Health
from monolith_core.runner.local import local
from monolith_core.runner.opened import Opened
from monolith_core.runner.planning import Planner, SourcePlan
from monolith_core.runner.purging import Purging
from monolith_core.runner.tenure import Tenure, tenure
from monolith_core.runner.watch import watched
from monolith_core.runner.writing import Writing
from monolith_core.secrets import hide

log = logging.getLogger("monolith.run")


class Working:
    """Does what is due of one source: it is asked on one side, and what it says is written on the other."""

    def __init__(
        self,
        desk: Desk,
        opened: Opened[Source],
        targets: Mapping[str, tuple[Opened[Target], Health]],
        *,
        holder: str,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._desk = desk
        self._opened = opened
        self._targets = targets
        self._holder = holder
        self._now = now
        self._left: dict[tuple[str, Partition], DueDay] = {}

    @property
    def config(self) -> PluginConfig:
        """The source's section."""
        return self._opened.config

    async def run(self) -> None:
        """Everything, whatever happens: errors are told to the hooks, none is raised."""
        try:
            await self._under_lease()
        except LeaseHeld as held:
            self._skip(str(held), failed=False)
        except LeaseLost as lost:
            self._leave(str(lost))
        except MonolithError as error:
            self._leave(str(error))
        else:
            self._leave("")

    async def _under_lease(self) -> None:
        desk = self._desk
        async with tenure(
            desk.storage,
            desk.phase,
            self.config.id,
            holder=self._holder,
            ttl=desk.config.monolith.lease,
            wait=desk.request.wait,
            control=desk.control,
        ) as held:
            plan = None
            with desk.control.interruptible():
                plan = await self._plan()
            if plan is None or desk.control.stopping:
                return
            purging = Purging(desk, self._opened, sorted(self._targets))
            if desk.request.purge_only:
                await purging.everything(self._now())
                return
            self._left = {(due.target, due.partition): due for due in plan.due}
            desk.notify("source_planned", event=SourcePlanned(desk.phase, self.config.id, plan.due))
            await self._settle(plan, held, purging)
            if plan.windows:
                await self._work(plan, held, purging)

    async def _plan(self) -> SourcePlan | None:
        """The plan, or None when the source has already been reported as failed."""
        if self._opened.plugin is None and self._opened.error is not None:
            self._skip(str(self._opened.error), failed=True)
            return None
        desk = self._desk
        planner = Planner(desk.config, desk.config.phases[desk.phase], desk.storage, desk.request, self._now())
        plugin, options = self._opened.plugin, self.config.options
        assert plugin is not None

        async def once() -> SourcePlan:
            return await watched(
                lambda: trio.to_thread.run_sync(planner.plan, self.config, plugin, abandon_on_cancel=True),
                timeout=options.timeout,
                stamp=lambda: 0,
                what=f"the plan of {self.config}",
            )

        def before(error: TemporaryError, attempt: int, delay: float) -> None:
            text = hide(str(error))
            event = Retry(desk.phase, self.config.id, "the plan", text, attempt, options.retries, delay)
            desk.notify("retry", event=event)

        plan = await retrying(once, retries=options.retries, patience=options.timeout, before=before)
        self._opened.known = plan.known
        faults.point("planned")
        return plan

    async def _settle(self, plan: SourcePlan, held: Tenure, purging: Purging) -> None:
        """Make days final that have settled since they were asked for, and that the source told to be the same."""
        settled = {target: found for target, found in plan.settled.items() if found}
        if not settled:
            return
        storage, zone = self._desk.storage, self._desk.config.monolith.timezone

        def confirm() -> None:
            with storage.transaction() as connection:
                for target, found in settled.items():
                    ages = {day: age(day, zone, plan.at) for day in found}
                    storage.ledger.confirm(target, self.config.id, ages, plan.at)
                held.fence(connection)

        await trio.to_thread.run_sync(confirm, limiter=storage.limiter)
        await purging.days({day for found in settled.values() for day in found})

    async def _work(self, plan: SourcePlan, held: Tenure, purging: Purging) -> None:
        """Ask on one side, write on the other; while one window is written the next is asked for."""
        asking = Asking(
            self._desk.phase,
            self._opened,
            plan.windows,
            config=self._desk.config.path,
            executor=self._executor(),
            notify=self._desk.notify,
            now=self._now,
            came=self._came,
        )
        writings = [
            Writing(self._desk, self.config.id, opened, held, health, plan.offered)
            for opened, health in self._targets.values()
        ]
        send, receive = trio.open_memory_channel[Answer | NoAnswer](0)
        async with trio.open_nursery() as nursery:
            async with send:
                for _ in range(self.config.options.jobs):
                    nursery.start_soon(self._ask, asking, send.clone())
            async with receive:
                async for answer in receive:
                    await self._write(answer, writings, held)
                    if self._desk.control.stopping:
                        break
                    if isinstance(answer, Answer):
                        await purging.window(answer.window)
            nursery.cancel_scope.cancel()

    def _executor(self) -> Executor:
        """What asks the source; raises what kept it from starting."""
        if self.config.executor is None:
            return local()
        opened = self._desk.executors[self.config.executor.id]
        if opened.error is not None:
            raise opened.error
        assert opened.plugin is not None
        return opened.plugin

    async def _ask(self, asking: Asking, send: trio.MemorySendChannel[Answer | NoAnswer]) -> None:
        with self._desk.control.interruptible():
            await asking.serve(send)

    async def _write(self, answer: Answer | NoAnswer, writings: list[Writing], held: Tenure) -> None:
        """Give an answer to every target at once."""
        try:
            async with trio.open_nursery() as nursery:
                for writing in writings:
                    nursery.start_soon(self._write_one, writing, answer, held)
        finally:
            if isinstance(answer, Answer):
                answer.stage.close()

    async def _write_one(self, writing: Writing, answer: Answer | NoAnswer, held: Tenure) -> None:
        due = self._due(writing.target, answer.window)
        try:
            for done in await writing.write(answer, due):
                self._left.pop((writing.target, Partition(answer.window.source, done)), None)
        except MonolithError as error:  # the lease is lost, or the ledger cannot be written
            held.end(error)

    async def _came(self, window: Window) -> Came:
        """The answers that came before for days of a window; only rows, as they come, can be recognised by them."""
        written = [
            target for target in self._targets if any(due.reason != "new" for due in self._due(target, window).values())
        ]
        if not written or self._opened.transforms or window.source != self.config.id:
            return NOTHING_CAME
        storage = self._desk.storage
        return await trio.to_thread.run_sync(
            storage.ledger.came, written, window.source, window.start, window.end, limiter=storage.limiter
        )

    def _due(self, target: str, window: Window) -> dict[dt.date, DueDay]:
        found = {}
        for day in window.days():
            due = self._left.get((target, Partition(window.source, day)))
            if due is not None:
                found[day] = due
        return found

    def _skip(self, why: str, *, failed: bool) -> None:
        event = SourceSkipped(self._desk.phase, self.config.id, hide(why), failed=failed)
        self._desk.notify("source_skipped", event=event)

    def _leave(self, error: str) -> None:
        """Say of what was due and not worked on that it is left for the next run; with an error, that it failed."""
        if error:
            self._skip(error, failed=True)
        for due in self._left.values():
            event = PartitionFinished(
                self._desk.phase,
                self.config.id,
                due.target,
                due.partition,
                due.reason,
                "skipped",
                error=hide(error),
            )
            self._desk.notify("partition_finished", event=event)
