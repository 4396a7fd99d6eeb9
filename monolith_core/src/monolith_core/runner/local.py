"""The executor `local`: asks a source for one window, in this process.

What runs a window is one function of the source, its options and the window, so that another executor (entry point
group `monolith.executors`) may run it elsewhere.
"""

from __future__ import annotations

import datetime as dt
import inspect
import math
from collections.abc import AsyncIterable, Callable
from contextlib import aclosing
from typing import Any, cast

import trio

from monolith_core import faults
from monolith_core.errors import MonolithError, PermanentError
from monolith_core.partition import Window
from monolith_core.plugin import Source
from monolith_core.runner.watch import watched
from monolith_core.stage import Stage

_threads = trio.CapacityLimiter(math.inf)


class LocalExecutor:
    """Runs blocking sources in worker threads and async generators in the trio loop."""

    async def extract(
        self,
        source: Source,
        own: str,
        window: Window,
        *,
        timeout: float,
        known: Callable[[dt.date], str] = lambda day: "",
        progress: Callable[[int], None] | None = None,
    ) -> Stage:
        """The complete answer of `source` (whose id is `own`) to `window`; the caller closes the stage.

        `timeout` is idle seconds; `known` gives the version that is known of a day; `progress` is told the number of
        records so far, a few times a second. Raises what the source raises; another exception than a MonolithError
        becomes a PermanentError.
        """
        stage = Stage(own, window, nan=getattr(source.options, "nan", "error"), known=known)

        async def ask() -> None:
            if inspect.isasyncgenfunction(source.extract):
                answer = _begin(source, window, stage)
            else:
                answer = await trio.to_thread.run_sync(
                    _begin, source, window, stage, abandon_on_cancel=True, limiter=_threads
                )
            if answer is not None:
                await _collect(answer, stage)

        try:
            await watched(
                ask,
                timeout=timeout,
                stamp=lambda: stage.stamp,
                what=f"source {own}",
                tick=(lambda: progress(stage.records)) if progress else None,
            )
            stage.check()
        except BaseException:
            stage.close()
            raise
        return stage


def _begin(source: Source, window: Window, stage: Stage) -> AsyncIterable[Any] | None:
    """Fill the stage from a blocking source; hand back an asynchronous answer."""
    faults.point("extracting")
    with plain_errors(stage.own):
        answer = source.extract(window)
        if hasattr(answer, "__aiter__"):
            return cast("AsyncIterable[Any]", answer)
        if answer is None or not hasattr(answer, "__iter__"):
            raise PermanentError(f"extract of {stage.own} returned {type(answer).__name__}, expected records")
        stage.fill(answer)
    return None


async def _collect(answer: AsyncIterable[Any], stage: Stage) -> None:
    with plain_errors(stage.own):
        if hasattr(answer, "aclose"):
            async with aclosing(cast("Any", answer)) as records:
                async for record in records:
                    stage.add(record)
        else:
            async for record in answer:
                stage.add(record)


class plain_errors:
    """Turns what a plugin raises beside MonolithErrors into a PermanentError that names the plugin."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MonolithError) or error is None:
            return
        if isinstance(error, Exception | SystemExit | KeyboardInterrupt):
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise PermanentError(f"{self._plugin} raised {' '.join(text.split())}") from error
