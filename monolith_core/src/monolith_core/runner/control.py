"""Stopping: SIGTERM and Ctrl-C end a run at the next safe point, a second one ends it at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trio

log = logging.getLogger("monolith.run")


class Control:
    """Whether the run is to stop. `signal` is the one that asked for it, 0 if none has."""

    def __init__(self) -> None:
        self.signal = 0
        self._asking: set[trio.CancelScope] = set()

    @property
    def stopping(self) -> bool:
        """Nothing new may begin."""
        return self.signal != 0

    def stop(self, number: int) -> None:
        """Give up what only reads; what writes finishes the partition it is at."""
        self.signal = number
        for scope in self._asking:
            scope.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[trio.CancelScope]:
        """A scope that a stop cancels: around everything that may be given up at any time."""
        with trio.CancelScope() as scope:
            if self.stopping:
                scope.cancel()
            self._asking.add(scope)
            try:
                yield scope
            finally:
                self._asking.discard(scope)

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for signals; only the main thread gets any."""
        if threading.current_thread() is not threading.main_thread():
            task_status.started()
            return
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                if self.stopping:
                    os._exit(128 + self.signal)  # worker threads cannot be ended otherwise
                log.warning("stopping at the next safe point; once more to stop at once")
                self.stop(number)
