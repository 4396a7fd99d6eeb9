"""Fault points: named places at which a test can end the process as `kill -9` does, or stop it.

They do nothing unless the environment variable `MONOLITH_FAULT` names one: `replaced`, `replaced:3` for the third time
it is passed, or `replaced:3:stop` for SIGSTOP then.
"""

from __future__ import annotations

import os
import signal
import threading

POINTS = (
    "leased",  # the lease is held, nothing planned
    "planned",  # the plan is made
    "extracting",  # a worker thread is about to ask the source
    "staged",  # a window's answer is complete
    "replacing",  # a target is about to be given a partition
    "delivering",  # a target is reading the records of a partition
    "replaced",  # the target is done with it, its transaction may be open
    "recorded",  # the ledger's row is written, not committed
    "committed",  # the partition is done
    "released",  # the lease is given back
)

_name, _times, _how = (*os.environ.get("MONOLITH_FAULT", "").split(":"), "", "")[:3]
_signal = signal.SIGSTOP if _how == "stop" else signal.SIGKILL
_left = int(_times or 1)
_lock = threading.Lock()


def point(name: str) -> None:
    """End or stop the process here if the environment asks for it."""
    if name != _name:
        return
    global _left
    with _lock:
        _left -= 1
        if _left == 0:
            signal.pthread_kill(threading.get_ident(), _signal)  # so that this thread does not run on meanwhile
