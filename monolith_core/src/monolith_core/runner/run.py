"""A run: its phases one after the other, and in each phase its sources side by side."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pluggy
import trio

from monolith_core.config import Config, PhaseConfig, PluginConfig
from monolith_core.errors import StorageError
from monolith_core.events import PhaseFinished, Run
from monolith_core.executor import Executor
from monolith_core.plugin import Source, Target
from monolith_core.report import ReportBuilder
from monolith_core.runner.blocking import loop_watched
from monolith_core.runner.control import Control
from monolith_core.runner.desk import Desk, Health
from monolith_core.runner.leaks import Leaks, install
from monolith_core.runner.notify import Notify
from monolith_core.runner.opened import Opened, close_plugin, make_context, open_plugin
from monolith_core.runner.output import output_guarded
from monolith_core.runner.planning import held, utcnow
from monolith_core.runner.request import Request
from monolith_core.runner.working import Working
from monolith_core.secrets import hide
from monolith_core.storage import Storage
from monolith_core.storage.holder import identity

log = logging.getLogger("monolith.run")


async def run(
    config: Config,
    request: Request,
    hooks: pluggy.PluginManager,
    *,
    now: Callable[[], dt.datetime] = utcnow,
) -> ReportBuilder:
    """Do everything that is due in the configured sequence of phases.

    Partitions that fail are told to the hooks, the ledger and the report, and raise nothing. Raises StorageError if the
    storage cannot be used.
    """
    install()
    report = ReportBuilder()
    hooks.register(report, "monolith-report")
    try:
        storage = await trio.to_thread.run_sync(Storage.open, config.monolith.database.get_secret_value())
        try:
            with output_guarded():
                await _Run(config, request, Notify(hooks), storage, report, now).run()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(storage.close)
    finally:
        hooks.unregister(report)
    return report


class _Run:
    def __init__(
        self,
        config: Config,
        request: Request,
        notify: Notify,
        storage: Storage,
        report: ReportBuilder,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._config = config
        self._request = request
        self._notify = notify
        self._storage = storage
        self._report = report
        self._now = now
        self._control = Control()
        self._facts = Run(
            id=uuid.uuid4().hex,
            config=str(config.path),
            phases=config.sequence,
            started=now(),
            host=socket.gethostname(),
            pid=os.getpid(),
        )

    async def run(self) -> None:
        await self._store(self._storage.runs.start, self._facts)
        self._notify("run_started", run=self._facts)
        error = ""
        try:
            with loop_watched():
                await self._phases()
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
            raise
        finally:
            with trio.CancelScope(shield=True):
                await self._finish(error)

    async def _phases(self) -> None:
        """Every phase in turn, while signals are listened to."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._control.listen)
            for name in self._config.sequence:
                if not await self._phase(self._config.phases[name]):
                    break
            nursery.cancel_scope.cancel()

    async def _finish(self, error: str) -> None:
        """Say how the run ended: to the table of runs, and to the hooks."""
        report = self._report
        report.close(self._now(), self._control.signal, error)
        await self._store(self._storage.runs.finish, self._facts.id, report.status, report.counts, hide(error))
        self._notify("run_finished", run=self._facts, report=report.as_dict())

    async def _store(self, call: Callable[..., Any], *arguments: Any) -> None:
        await trio.to_thread.run_sync(call, *arguments, limiter=self._storage.limiter)

    async def _phase(self, phase: PhaseConfig) -> bool:
        """Run one phase; whether the next one may follow."""
        self._notify("phase_started", phase=phase.id)
        start, left = trio.current_time(), Leaks()
        sources, targets, executors = await self._open(phase)
        desk = Desk(
            self._config,
            phase.id,
            self._facts.id,
            self._storage,
            self._request,
            self._control,
            self._notify,
            {each.id: each for each in executors},
        )
        shared = {target.id: (target, Health()) for target in targets}
        try:
            async with trio.open_nursery() as nursery:
                for source in sources:
                    nursery.start_soon(Working(desk, source, shared, holder=identity(), now=self._now).run)
        finally:
            with trio.CancelScope(shield=True):
                opened: list[Opened[Any]] = [*sources, *targets, *executors]
                await _close(opened)
                await left.tell(each.config for each in opened)
        await self._store(self._reached, phase, [each.config for each in sources])
        ok = self._report.phase_ok(phase.id)
        event = PhaseFinished(phase.id, ok, trio.current_time() - start)
        self._notify("phase_finished", event=event)
        return not self._control.stopping and (ok or phase.on_failure == "continue")

    def _reached(self, phase: PhaseConfig, sources: Iterable[PluginConfig]) -> None:
        """Have the report say how far each source is."""
        try:
            for source in sources:
                newest = self._storage.ledger.newest_final(phase.targets, source.id, source.options.settle)
                self._report.reached(phase.id, source.id, newest)
        except StorageError as error:  # what was done is done, and the run's end will say more
            log.warning("the newest final days of phase %s cannot be read: %s", phase.id, error)

    async def _open(
        self, phase: PhaseConfig
    ) -> tuple[list[Opened[Source]], list[Opened[Target]], list[Opened[Executor]]]:
        """Make and set up every plugin of a phase, all at once."""
        sources = [self._config.sources[name] for name in phase.sources]
        targets = [self._config.targets[name] for name in phase.targets]
        executors = list({each.executor.id: each.executor for each in sources if each.executor}.values())
        made: dict[int, Opened[Any]] = {}

        async def start(config: PluginConfig) -> None:
            context = make_context(
                config,
                self._config.monolith.timezone,
                self._storage,
                lambda window: held(self._config, config, self._storage, window),
            )
            made[id(config)] = Opened(config)  # to be closed too if the run stops meanwhile
            await open_plugin(made[id(config)], context)

        with self._control.interruptible():
            async with trio.open_nursery() as nursery:
                for each in (*sources, *targets, *executors):
                    nursery.start_soon(start, each)
        if self._control.stopping:
            with trio.CancelScope(shield=True):
                await _close(made.values())
            return [], [], []
        return _each(made, sources), _each(made, targets), _each(made, executors)


async def _close(opened: Iterable[Opened[Any]]) -> None:
    """Close plugins, all at once."""
    async with trio.open_nursery() as nursery:
        for each in opened:
            nursery.start_soon(close_plugin, each)


def _each(made: Mapping[int, Opened[Any]], configs: Iterable[PluginConfig]) -> list[Opened[Any]]:
    return [made[id(config)] for config in configs]
