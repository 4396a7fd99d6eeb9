"""Pace: not more requests at once, and not more in a time, than the service is to get."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Pace:
    """Lets `most` requests run at once, each beginning `pause` seconds after the last one began, or later."""

    def __init__(self, most: int, pause: float) -> None:
        self._places = trio.Semaphore(most)
        self._pause = pause
        self._next = -float("inf")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and for the time."""
        async with self._places:
            if self._pause:
                begin = max(self._next, trio.current_time())
                self._next = begin + self._pause
                await trio.sleep_until(begin)
            yield
