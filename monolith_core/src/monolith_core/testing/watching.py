"""Watching: what a plugin leaves open, and what it says in the log."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_IDLE = "Trio thread"
"""What trio calls a worker thread that has nothing to do, and will end by itself."""


def open_files() -> list[str]:
    """What this process has open, each by its number: files, sockets, pipes."""
    found = []
    for path in Path("/dev/fd").iterdir():
        with suppress(OSError):
            os.fstat(int(path.name))  # the listing itself is open no more
            found.append(f"{path.name} ({_target(path)})")
    return found


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return "file"  # macOS does not say


def running_threads() -> list[str]:
    """The threads of this process, but for those that only wait to be used again."""
    return [thread.name for thread in threading.enumerate() if not thread.name.startswith(_IDLE)]


def grown(before: list[str], look: Callable[[], list[str]], patience: float) -> list[str]:
    """What `look` finds beside what was there before, as long as that is more; it has `patience` seconds to go away.

    Whatever ends in another thread or at the other end of a connection takes a moment.
    """
    end = time.monotonic() + patience
    while True:
        now = look()
        if len(now) <= len(before):
            return []
        if time.monotonic() > end:
            return [each for each in now if each not in before] or now
        time.sleep(0.01)


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Every line that plugins log from debug on, and libraries from warnings on, as they are said."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING or record.name.partition(".")[0] == "monolith":
                lines.append(record.getMessage())

    ear, root, ours = Ear(), logging.getLogger(), logging.getLogger("monolith")
    level = ours.level
    root.addHandler(ear)
    ours.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        ours.setLevel(level)
        root.removeHandler(ear)
