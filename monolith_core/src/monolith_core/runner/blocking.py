"""Blocking: a thread that looks whether the trio loop moves on, and says which plugin keeps it from doing so.

While a plugin's asynchronous code, or a hook, does not come back, nothing else of the run moves: no heartbeat of a
lease, no timeout, no other source.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import trio

from monolith_core.options import format_duration
from monolith_core.runner.extraction import collect
from monolith_core.runner.notify import Notify

log = logging.getLogger("monolith.run")

PATIENCE = 3.0
"""Seconds that one step of a task may take."""


class _Steps(trio.abc.Instrument):
    """Notes since when the loop has been in one step of a task."""

    since: float | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.since = time.monotonic()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.since = None


@contextmanager
def loop_watched() -> Iterator[None]:
    """Warn while plugins block the loop of this thread."""
    steps, over = _Steps(), threading.Event()
    thread = threading.Thread(
        target=_watch, args=(steps, threading.get_ident(), over), name="monolith loop watch", daemon=True
    )
    trio.lowlevel.add_instrument(steps)
    thread.start()
    try:
        yield
    finally:
        over.set()
        trio.lowlevel.remove_instrument(steps)


def _watch(steps: _Steps, loop: int, over: threading.Event) -> None:
    told: float | None = None
    while not over.wait(PATIENCE / 4):
        since = steps.since
        if since is None or since == told or time.monotonic() - since < PATIENCE:
            continue
        found = _blocker(sys._current_frames().get(loop))
        if found is not None and steps.since == since:
            told = since
            log.warning(
                "%s has blocked everything for %s, at %s; let it await, or make it blocking code, which gets a thread",
                found[0],
                format_duration(PATIENCE),
                found[1],
            )


def _blocker(frame: FrameType | None) -> tuple[str, str] | None:
    """The plugin that the loop is in, and where in it, if it is in one."""
    inner = frame
    while frame is not None:
        if frame.f_code is collect.__code__:
            return str(frame.f_locals["who"]), _place(inner)
        if frame.f_code is Notify.__call__.__code__ and inner is not frame:
            return f"a hook of plugin {frame.f_locals['implementation'].plugin_name}", _place(inner)
        inner, frame = frame, frame.f_back
    return None


def _place(frame: FrameType | None) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "an unknown place"
