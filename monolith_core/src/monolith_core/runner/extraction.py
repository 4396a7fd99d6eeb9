"""Extraction: the complete answer to one window, staged, from whichever executor asks for it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import aclosing, closing, nullcontext
from typing import Any, Literal, cast

import trio

from monolith_core import faults
from monolith_core.blame import plain_errors
from monolith_core.errors import PermanentError
from monolith_core.executor import Executor, WindowTask
from monolith_core.imprint import NOTHING_CAME, Came
from monolith_core.runner.transforming import Named, Pipeline, pipeline
from monolith_core.runner.watch import watched
from monolith_core.stage import Stage

_threads = trio.CapacityLimiter(math.inf)


async def extract(
    executor: Executor,
    task: WindowTask,
    *,
    timeout: float,
    label: object = "",
    by: object = None,
    nan: Literal["error", "null"] = "error",
    came: Came = NOTHING_CAME,
    transforms: Sequence[Named] = (),
    progress: Callable[[int], None] | None = None,
) -> Stage:
    """The complete answer to a window, changed by `transforms`; the caller closes the stage.

    `timeout` is idle seconds; `label` is how errors name the source, `by` the executor if it is a plugin; `came` are
    the answers that came before; `progress` is told the number of records so far, a few times a second. Raises what
    the source raises; another exception than a MonolithError becomes a PermanentError.
    """
    who = label or task.source
    stage = Stage(
        task.source, task.window, nan=nan, known=lambda day: task.known.get(day, ""), came=came, label=str(who)
    )
    sink = pipeline(transforms, stage)

    async def ask() -> None:
        answer = await trio.to_thread.run_sync(
            _begin, executor, task, sink, who, by, abandon_on_cancel=True, limiter=_threads
        )
        if answer is not None:
            await collect(answer, sink, who, by)

    try:
        await watched(
            ask,
            timeout=timeout,
            stamp=lambda: stage.stamp + sink.beats,
            what=str(who),
            tick=(lambda: progress(stage.records)) if progress else None,
        )
        stage.check()
        if came:
            with plain_errors(who, by):
                await trio.to_thread.run_sync(stage.recognise, limiter=_threads)
    except BaseException:
        stage.close()
        raise
    finally:
        sink.close()
    return stage


def _begin(executor: Executor, task: WindowTask, sink: Pipeline, who: object, by: object) -> AsyncIterable[Any] | None:
    """Fill the pipeline from a blocking source; hand back an asynchronous answer."""
    faults.point("extracting")
    with plain_errors(who, by):
        answer = executor.extract(task)
        if hasattr(answer, "__aiter__"):
            return cast("AsyncIterable[Any]", answer)
        if answer is None or not hasattr(answer, "__iter__"):
            raise PermanentError(f"extract of {who} returned {type(answer).__name__}, expected records")
        # At once, also where the call was given up: an error's traceback would keep a generator from being closed.
        with closing(cast("Any", answer)) if hasattr(answer, "close") else nullcontext():
            sink.fill(answer)
        sink.end()
    return None


async def collect(answer: AsyncIterable[Any], sink: Pipeline, who: object, by: object = None) -> None:
    """Put an asynchronous answer into the pipeline; `blocking` knows by this function that a source has the loop."""
    with plain_errors(who, by):
        if hasattr(answer, "aclose"):
            async with aclosing(cast("Any", answer)) as records:
                async for record in records:
                    sink.add(record)
        else:
            async for record in answer:
                sink.add(record)
    if not sink.direct:
        await trio.to_thread.run_sync(sink.end, abandon_on_cancel=True, limiter=_threads)
