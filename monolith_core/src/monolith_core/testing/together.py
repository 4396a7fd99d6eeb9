"""Calls that really overlap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

WAIT = 0.5
"""Seconds that one call waits for the others: one that holds a lock keeps them away, and rightly so."""


class Meeting:
    """A place in each of several calls where they wait for each other, or go on alone after a moment."""

    def __init__(self, calls: int) -> None:
        self._barrier = threading.Barrier(calls)

    def wait(self) -> None:
        """Wait for the others."""
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(WAIT)


def together(*calls: Callable[[], object]) -> None:
    """Make several calls at once, each in a thread; raises the first error of any."""
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # whatever it is, it is raised where the test can see it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
