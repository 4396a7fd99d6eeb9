"""Asking: takes windows from a queue, newest first, and sends each answer on to be written."""

from __future__ import annotations

import datetime as dt
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import trio

from monolith_core import faults
from monolith_core.errors import Deferred, Divide, MonolithError, RecordError, StrayRecord, TemporaryError
from monolith_core.events import Retry, WindowProgress, WindowStarted
from monolith_core.executor import Executor, WindowTask
from monolith_core.imprint import Came
from monolith_core.partition import Window
from monolith_core.plugin import Source
from monolith_core.retry import retrying
from monolith_core.runner.answer import Answer, NoAnswer
from monolith_core.runner.extraction import extract
from monolith_core.runner.notify import Notify
from monolith_core.runner.opened import Opened
from monolith_core.secrets import hide
from monolith_core.stage import Stage

log = logging.getLogger("monolith.run")

GIVE_UP = 3
"""Windows (or a target's partitions) in a row that fail for a temporary reason, before the rest is left for later."""


class Asking:
    """Asks one source for its windows. Several tasks may run `serve` at once.

    `came` looks up the answers that came before to what a window asks.
    """

    def __init__(
        self,
        phase: str,
        opened: Opened[Source],
        windows: Iterable[Window],
        *,
        config: Path,
        executor: Executor,
        notify: Notify,
        now: Callable[[], dt.datetime],
        came: Callable[[Window], Awaitable[Came]],
    ) -> None:
        self._phase = phase
        self._opened = opened
        self._windows = deque(windows)
        self._notify = notify
        self._now = now
        self._came = came
        self._config = config
        self._executor = executor
        self._misses = 0
        self._over: tuple[str, str] | None = None

    async def serve(self, send: trio.MemorySendChannel[Answer | NoAnswer]) -> None:
        """Answer window after window until none is left."""
        async with send:
            while self._windows:
                window = self._windows.popleft()
                answer = await self._answer(window)
                if answer is None:
                    continue
                try:
                    await send.send(answer)
                except BaseException:
                    if isinstance(answer, Answer):
                        answer.stage.close()
                    raise

    async def _answer(self, window: Window) -> Answer | NoAnswer | None:
        """The answer to a window; None if it was divided: as the source asked, or to find the day at fault."""
        asked = self._now()
        if self._opened.error is not None:
            return NoAnswer(window, asked, "failed", str(self._opened.error))
        if self._over is not None:
            outcome, error = self._over
            return NoAnswer(window, asked, "deferred" if outcome == "deferred" else "failed", error)
        self._notify("window_started", event=WindowStarted(self._phase, self._opened.id, window))
        try:
            stage = await self._ask(window)
        except Deferred as error:
            self._over = ("deferred", str(error))
            return NoAnswer(window, asked, "deferred", str(error))
        except Divide as error:
            self._misses = 0
            if len(window) > 1:
                self._windows.extendleft(Window(window.source, day, day) for day in window.days())
                return None
            return NoAnswer(window, asked, "failed", str(error))
        except RecordError as error:
            self._misses = 0
            if len(window) > 1 and not isinstance(error, StrayRecord):
                self._windows.extendleft(_halves(window))
                return None
            return NoAnswer(window, asked, "failed", str(error))
        except TemporaryError as error:
            self._miss(error)
            return NoAnswer(window, asked, "failed", str(error))
        except MonolithError as error:
            return NoAnswer(window, asked, "failed", str(error))
        self._misses = 0
        faults.point("staged")
        try:
            partitions = await trio.to_thread.run_sync(stage.finish)
        except BaseException:
            stage.close()
            raise
        return Answer(window, asked, stage, partitions)

    async def _ask(self, window: Window) -> Stage:
        source, options = self._opened.plugin, self._opened.config.options
        assert source is not None

        def progress(records: int) -> None:
            self._notify("window_progress", event=WindowProgress(self._phase, self._opened.id, window, records))

        async def once() -> Stage:
            return await extract(
                self._executor,
                self._task(source, window),
                timeout=options.timeout,
                label=self._opened.config,
                by=self._opened.config.executor,
                nan=getattr(options, "nan", "error"),
                came=await self._came(window),
                transforms=self._opened.transforms,
                progress=progress,
            )

        def before(error: TemporaryError, attempt: int, delay: float) -> None:
            doing = f"extract {window}"
            self._notify(
                "retry",
                event=Retry(self._phase, self._opened.id, doing, hide(str(error)), attempt, options.retries, delay),
            )

        # After a window that all retries could not get, the next ones show soon enough whether it has passed.
        retries = 0 if self._misses else options.retries
        return await retrying(once, retries=retries, patience=options.timeout, before=before)

    def _task(self, source: Source, window: Window) -> WindowTask:
        known = {day: version for day in window.days() if (version := self._opened.version(day))}
        return WindowTask(self._config, self._phase, self._opened.id, window, known, ask=lambda: source.extract(window))

    def _miss(self, error: TemporaryError) -> None:
        self._misses += 1
        if self._misses >= GIVE_UP:
            self._over = ("failed", f"not asked after {GIVE_UP} windows failed in a row: {error}")


def _halves(window: Window) -> list[Window]:
    """The window in two, in the order in which `deque.extendleft` puts the newer one first."""
    middle = window.start + dt.timedelta(days=len(window) // 2)
    return [
        Window(window.source, window.start, middle - dt.timedelta(days=1)),
        Window(window.source, middle, window.end),
    ]
