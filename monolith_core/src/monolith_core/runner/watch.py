"""The idle timeout: a call that makes no progress is given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from monolith_core.errors import IdleTimeout
from monolith_core.options import format_duration

TICK = 0.5
"""Seconds between looks at a call's progress, at most."""

_T = TypeVar("_T")


async def watched(
    call: Callable[[], Awaitable[_T]],
    *,
    timeout: float,
    stamp: Callable[[], int],
    what: str,
    tick: Callable[[], None] | None = None,
) -> _T:
    """The result of `call`, unless `stamp` stays the same for `timeout` seconds: then it is cancelled.

    A stamp of -1 means that the call has not begun (it waits for a thread), which is no idleness. `tick` is called a
    few times a second. Raises IdleTimeout naming `what`.
    """
    result: list[_T] = []
    error: Exception | None = None

    async def watch(scope: trio.CancelScope) -> None:
        seen, since = stamp(), trio.current_time()
        while True:
            await trio.sleep(min(TICK, timeout / 4) or TICK)
            if tick is not None:
                tick()
            if stamp() != seen or seen == -1:
                seen, since = stamp(), trio.current_time()
            elif trio.current_time() - since >= timeout:
                scope.cancel()
                return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, nursery.cancel_scope)
        try:
            result.append(await call())
        except Exception as raised:
            error = raised
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error
    if result:
        return result[0]
    raise IdleTimeout(
        f"{what} made no progress for {format_duration(timeout)}; see the option timeout if that is too short"
    )
