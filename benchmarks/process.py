"""Running a command, and what it cost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of the processors, and the most bytes of memory, from start to end of the process."""

    seconds: float
    cpu: float
    memory: int


class Failed(Exception):
    """A command did not succeed."""


def run(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; what it says goes to `log`. Raises Failed with its last words."""
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
        # The kernel's own account of this process: its peak is VmHWM. The measuring process itself must stay small,
        # because a child's peak begins with its parent's.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = log.read_text(errors="replace").strip().splitlines()[-5:]
        raise Failed(f"{Path(command[0]).name} ended with {process.returncode}: " + " | ".join(words))
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
