"""An executor that asks each window in a process of its own, made of public names only."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

from monolith_core import Executor, MonolithError, WindowTask, Yielded, run_window

_CHILD = "import support.elsewhere; support.elsewhere.child()"


class ProcessExecutor(Executor):
    """The child writes what it yields to its standard output, one pickle after the other, at last the error or None."""

    def extract(self, task: WindowTask) -> Iterator[Yielded]:
        with subprocess.Popen([sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(pickle.dumps(replace(task, ask=tuple)))
                child.stdin.close()
                while not isinstance(item := pickle.load(child.stdout), MonolithError | None):
                    yield item
            finally:
                child.kill()
        if item is not None:
            raise item


def child() -> None:
    """Answer the task that is on standard input."""
    task = pickle.load(sys.stdin.buffer)
    out = sys.stdout.buffer
    try:
        run_window(task, lambda item: out.write(pickle.dumps(item)))
        error = None
    except MonolithError as raised:
        error = raised
    out.write(pickle.dumps(error))
    out.flush()
