"""What a source yields, as it yields it: taken from a generator of either kind, before any of it is staged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import trio

from monolith_core.partition import Window
from monolith_core.rows import one_by_one
from monolith_core.runner.window import iterate, iterate_in_loop
from monolith_core.testing.together import Meeting, together


def yielded(source: Any, window: Any, *, each: Callable[[Any], object] = lambda record: None) -> list[Any]:
    """Everything that a source yields for a window, or an executor for a task.

    `each` is called with every record as soon as it is there.
    """
    found: list[Any] = []

    def take(item: Any) -> None:
        for record in one_by_one(item):
            each(record)
            found.append(record)

    _run(source, window, take)
    return found


def begin(source: Any, window: Any) -> None:
    """Take the first record of a window, and give up the rest as the engine does."""

    class Enough(Exception):
        pass

    def take(record: Any) -> None:
        raise Enough

    try:
        _run(source, window, take)
    except Enough:
        return


def yielded_at_once(source: Any, windows: Sequence[Window]) -> list[list[Any]]:
    """Everything that a source yields for each of several windows that are asked at once, as by a run."""
    found: list[list[Any]] = [[] for _ in windows]
    answers = [source.extract(window) for window in windows]
    if hasattr(answers[0], "__aiter__"):
        trio.run(_in_turn, answers, found)
        return found
    meeting = Meeting(len(windows))

    def take(answer: Any, records: list[Any]) -> None:
        for item in answer:
            records.extend(one_by_one(item))
            meeting.wait()

    together(*[partial(take, answer, records) for answer, records in zip(answers, found, strict=True)])
    return found


async def _in_turn(answers: list[Any], found: list[list[Any]]) -> None:
    """A record of each in turn, as far as trio lets tasks take turns."""

    async def take(answer: Any, records: list[Any]) -> None:
        async for item in answer:
            records.extend(one_by_one(item))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for answer, records in zip(answers, found, strict=True):
            nursery.start_soon(take, answer, records)


def _run(source: Any, window: Any, take: Callable[[Any], object]) -> None:
    """Call `take` with each record, in a loop of trio's if need be."""
    answer = source.extract(window)
    if hasattr(answer, "__aiter__"):
        trio.run(iterate_in_loop, answer, take)
    else:
        iterate(answer, take)
