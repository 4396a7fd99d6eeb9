"""The idle timeout: a call that makes no progress is given up."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from monolith_core.errors import IdleTimeout
from monolith_core.options import format_duration

TICK = 0.5
"""Seconds between looks at a call's progress, at most."""

GRACE = 30.0
"""Seconds that a call may take to end when it was cancelled."""

log = logging.getLogger("monolith.run")

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
    ended, idle = trio.Event(), trio.Event()

    async def watch(scope: trio.CancelScope) -> None:
        try:
            await _idle(timeout, stamp, tick or _nothing)
            idle.set()
            scope.cancel()
        finally:
            await _outlast(what, ended)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, nursery.cancel_scope)
        try:
            result.append(await call())
        except Exception as raised:
            error = raised
        finally:
            ended.set()
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error
    if result and not idle.is_set():  # what ends well although it was cancelled may have ended too early
        return result[0]
    raise IdleTimeout(
        f"{what} made no progress for {format_duration(timeout)}; see the option timeout if that is too short"
    )


def _nothing() -> None:
    """What is called a few times a second where nobody wants to know."""


async def _idle(timeout: float, stamp: Callable[[], int], tick: Callable[[], None]) -> None:
    """Come back when `stamp` has been the same for `timeout` seconds."""
    seen, since = stamp(), trio.current_time()
    while True:
        await trio.sleep(min(TICK, timeout / 4) or TICK)
        tick()
        if stamp() != seen or seen == -1:
            seen, since = stamp(), trio.current_time()
        elif trio.current_time() - since >= timeout:
            return


async def _outlast(what: str, ended: trio.Event) -> None:
    """Warn as long as a call goes on that was cancelled: a task, unlike a thread, cannot be left to itself."""
    with trio.CancelScope(shield=True):
        while not ended.is_set():
            with trio.move_on_after(GRACE):
                await ended.wait()
            if not ended.is_set():
                log.warning(
                    "%s ignores that it was cancelled, and the run waits for it; it must let trio.Cancelled pass. "
                    "To end the run at once, interrupt it twice",
                    what,
                )
