"""Retry: temporary errors are tried again, with exponential back-off and jitter."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

import trio

from monolith_core.errors import TemporaryError

LONGEST = 60.0
"""Seconds of back-off at most."""

_T = TypeVar("_T")


async def retrying(
    call: Callable[[], Awaitable[_T]],
    *,
    retries: int,
    patience: float,
    before: Callable[[TemporaryError, int, float], None],
) -> _T:
    """The result of `call`, tried again up to `retries` times after a TemporaryError.

    Waits 1, 2, 4, ... seconds (at most a minute) and up to a second of jitter, or as long as the service asked for
    (`Retry-After`). A service that asks for more than `patience` seconds is not waited for: its error is raised, and
    the next run asks again. `before` is told of each error, the number of the coming attempt, and the wait.
    """
    for attempt in count(1):
        try:
            return await call()
        except TemporaryError as error:
            asked = error.retry_after
            if attempt > retries or (asked or 0) > patience:
                raise
            delay = max(asked, 0.0) if asked is not None else _backoff(attempt)
            before(error, attempt, delay)
        await trio.sleep(delay)
    raise AssertionError("it is tried until it returns or raises")


def _backoff(attempt: int) -> float:
    """Seconds to wait after so many attempts."""
    return min(2.0 ** min(attempt - 1, 10) + random.random(), LONGEST)
