"""Together: several questions at once, whose answers come through one channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from monolith_core import Note, Record

Batch = list[Record | Note]
"""What one page has."""

Send = Callable[[Batch], Awaitable[None]]

Question = Callable[[Send], Awaitable[None]]
"""Sends batches, and returns when it is answered."""


@asynccontextmanager
async def together(questions: Iterable[Question], most: int) -> AsyncIterator[AsyncIterator[Batch]]:
    """The batches of all questions, `most` of which are asked at once; the first error of one ends all.

    The next page is on its way while a batch is being used. It is meant for an async generator that its user closes in
    the task that iterates it, as the engine does: then nothing is left behind, and no error comes in a group.
    """
    send, receive = trio.open_memory_channel[Batch](1)
    waiting = iter(questions)
    errors: list[Exception] = []
    left: BaseException | None = None

    async def work(own: trio.MemorySendChannel[Batch]) -> None:
        async with own:
            for question in waiting:
                try:
                    await question(own.send)
                except Exception as error:
                    errors.append(error)
                    nursery.cancel_scope.cancel()
                    return

    async with trio.open_nursery() as nursery:
        async with send:
            for _ in range(most):
                nursery.start_soon(work, send.clone())
        try:
            yield receive
        except BaseException as raised:
            left = raised  # within the nursery it would be wrapped into a group, also one that only closes a generator
        nursery.cancel_scope.cancel()
    if errors:
        raise errors[0]
    if left is not None:
        raise left
