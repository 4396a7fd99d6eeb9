"""Loops: async work for callers that are blocking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

_T = TypeVar("_T")


def wait_for(call: Callable[[], Awaitable[_T]]) -> _T:
    """What an async function gives, in the loop that this worker thread belongs to, or else in one of its own."""
    try:
        trio.from_thread.check_cancelled()
    except RuntimeError:  # this is no thread of trio's
        return trio.run(call)
    return trio.from_thread.run(call)
