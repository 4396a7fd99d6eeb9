"""Purging: what every target of a phase holds as final may be deleted at a source that is configured for it."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterable

import trio

from monolith_core.blame import plain_errors
from monolith_core.errors import MonolithError
from monolith_core.events import DueDay, Purged
from monolith_core.partition import Partition, Window
from monolith_core.plan import windows
from monolith_core.plugin import Purges, Source
from monolith_core.runner.desk import Desk
from monolith_core.runner.opened import Opened
from monolith_core.runner.planning import Planner, fingerprint, purges
from monolith_core.secrets import hide

log = logging.getLogger("monolith.run")


class Purging:
    """Purges one source in one phase."""

    def __init__(self, desk: Desk, opened: Opened[Source], targets: list[str]) -> None:
        self._desk = desk
        self._opened = opened
        self._targets = targets

    @property
    def _able(self) -> bool:
        return purges(self._opened.config, self._opened.plugin)

    async def everything(self, now: dt.datetime) -> None:
        """Purge every wanted day that all targets hold as final."""
        if not self._able:
            log.info("%s has nothing to purge: its section does not say how", self._opened.id)
            return
        planner = Planner(
            self._desk.config, self._desk.config.phases[self._desk.phase], self._desk.storage, self._desk.request, now
        )
        wanted = await trio.to_thread.run_sync(planner.wanted, self._opened.config)
        if wanted.days is not None:
            await self._purge(Window(self._opened.id, wanted.days.start, wanted.days.end))

    async def window(self, window: Window) -> None:
        """Purge the days of a window that has just been written and are now final everywhere."""
        if self._able and window.source == self._opened.id:
            await self._purge(window)

    async def days(self, days: Iterable[dt.date]) -> None:
        """Purge days of which it has just become known that they are final, where they are so everywhere."""
        for window in self._windows(days):
            await self.window(window)

    def _windows(self, days: Iterable[dt.date]) -> list[Window]:
        due = [DueDay("", Partition(self._opened.id, day), "forced") for day in days]
        return windows(due, self._opened.config.options.span)

    async def _purge(self, asked: Window) -> None:
        days = await trio.to_thread.run_sync(self._final_days, asked, limiter=self._desk.storage.limiter)
        for window in self._windows(days):
            if self._desk.control.stopping:
                return
            error = ""
            try:
                await trio.to_thread.run_sync(self._call, window)
            except MonolithError as raised:
                error = hide(str(raised))
            self._desk.notify("purged", event=Purged(self._desk.phase, self._opened.id, window, error))

    def _call(self, window: Window) -> None:
        plugin = self._opened.plugin
        self._desk.storage.ledger.mark_purged(self._opened.id, window.days())
        assert isinstance(plugin, Purges)
        with plain_errors(self._opened.config):
            plugin.purge(window)

    def _final_days(self, window: Window) -> list[dt.date]:
        """The days that every target holds, asked for after they had settled, under the present configuration."""
        settle = self._opened.config.options.settle
        rows = self._desk.storage.ledger.rows(
            targets=self._targets, sources=[self._opened.id], start=window.start, end=window.end
        )
        held = Counter(
            row.date
            for row in rows
            if row.state == "done"
            and row.age >= settle
            and row.fingerprint == fingerprint(self._opened.config, self._desk.config.targets[row.target])
        )
        return [day for day, count in held.items() if count == len(self._targets)]
