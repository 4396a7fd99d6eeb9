"""A Python process that a test talks to line by line, so that the two meet without any sleeping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import Self


class Child:
    """Runs `code` with `arguments`; what it prints is read by `hear`, what it reads from stdin is written by `tell`."""

    def __init__(self, code: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def pid(self) -> int:
        return self.process.pid

    def hear(self) -> str:
        """The next line; the empty text if the process has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self, *, collect: bool = True) -> None:
        """SIGKILL; without `collect` the process stays a zombie until the end of the test."""
        self.process.kill()
        os.waitid(os.P_PID, self.pid, os.WEXITED | (0 if collect else os.WNOWAIT))
        if collect:
            self.process.returncode = -signal.SIGKILL
