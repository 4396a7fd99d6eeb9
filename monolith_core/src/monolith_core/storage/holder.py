"""Who holds a lease: a text that names one process for ever, and whether that process is dead.

A host's name, the kernel's boot id and the pid namespace say where a pid is valid; the start time tells a process from
a later one with the same pid. What cannot be known for certain counts as alive: the lease's expiry then decides.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

_PROC = Path("/proc")
_HERE = ("host", "boot", "pidns")


def identity() -> str:
    """This process."""
    pid = os.getpid()
    return f"host={socket.gethostname()} boot={_boot()} pidns={_pidns()} pid={pid} start={_start(pid) or ''}"


def describe(holder: str) -> str:
    """A holder's text as a person reads it: `host web1, pid 4711`."""
    parts = _parts(holder)
    return f"host {parts['host']}, pid {parts['pid']}" if {"host", "pid"} <= parts.keys() else holder or "nobody"


def is_dead(holder: str) -> bool:
    """Whether the holder is a process of this very system that certainly runs no more."""
    theirs, ours = _parts(holder), _parts(identity())
    if not ours["boot"] or not ours["pidns"] or any(theirs.get(name) != ours[name] for name in _HERE):
        return False
    pid = theirs.get("pid", "")
    if not (pid.isascii() and pid.isdecimal()) or int(pid) < 1:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is there, and is another user's
    start = _start(int(pid))
    return start is not None and start != theirs.get("start")


def _parts(holder: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in holder.split(" "))}


def _boot() -> str:
    return _text(_PROC / "sys/kernel/random/boot_id").strip()


def _pidns() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; `""` if it has ended and only waits to be collected."""
    stat = _text(_PROC / str(pid) / "stat")
    fields = stat.rpartition(")")[2].split()  # the name before it may have any character
    if len(fields) < 20:
        return None
    return "" if fields[0] in "ZX" else fields[19]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
