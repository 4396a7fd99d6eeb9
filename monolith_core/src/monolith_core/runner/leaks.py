"""Leaks: the threads and connections that plugins have left when they were closed.

An audit hook of the interpreter (PEP 578) tells of each that is begun; which plugin is acting then is known (`blame`).
Python 3.11 tells of no threads: there the new ones of a phase are found, and its plugins named together.
"""

from __future__ import annotations

import gc
import logging
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

import trio

from monolith_core.blame import acting

log = logging.getLogger("monolith.run")

GRACE = 1.0
"""Seconds that a thread may take to end, and a connection to be closed, after its plugin was."""

_IDLE = "Trio thread"
"""What trio calls a worker thread that has nothing to do, and will end by itself."""

Begun = socket.socket | threading.Thread

_begun: WeakKeyDictionary[Begun, str] = WeakKeyDictionary()
_lock = threading.RLock()
_installed = False


def install() -> None:
    """Begin to notice who begins threads and opens sockets; from then on, as an audit hook cannot be taken away."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.__new__":
        begun = arguments[0]
    elif event in ("_thread.start_new_thread", "_thread.start_joinable_thread"):
        begun = getattr(arguments[0], "__self__", None)
    else:
        return
    plugin = acting()
    if plugin and isinstance(begun, socket.socket | threading.Thread):
        with _lock:
            _begun[begun] = plugin


class Leaks:
    """What the plugins of one phase leave; make it before they are made."""

    def __init__(self) -> None:
        self._threads = set(threading.enumerate())

    async def tell(self, plugins: Iterable[object]) -> None:
        """Warn of what is left when all plugins are closed."""
        names = [str(plugin) for plugin in plugins]
        if not list(self._found(names)):
            return
        gc.collect()  # what nobody can reach any more is no leak, it only was not collected yet
        with trio.move_on_after(GRACE):
            while list(self._found(names)):  # noqa: ASYNC110 - what ends elsewhere tells nobody
                await trio.sleep(0.02)
        for who, each in list(self._found(names)):
            log.warning("%s was closed, and has left %s; its close is to end it", who, _described(each))
            with _lock:
                _begun.pop(each, None)

    def _found(self, names: list[str]) -> Iterator[tuple[str, Begun]]:
        for name in names:
            for each in _left(name):
                yield name, each
        if sys.version_info < (3, 12):
            for thread in threading.enumerate():
                if thread not in self._threads and _lives(thread) and not _ours(thread):
                    yield " or ".join(names), thread


def _left(plugin: str) -> list[Begun]:
    with _lock:
        return [each for each, by in _begun.items() if by == plugin and _lives(each)]


def _lives(begun: Begun) -> bool:
    if isinstance(begun, socket.socket):
        return begun.fileno() != -1
    return begun.is_alive() and not begun.name.startswith(_IDLE)


def _ours(thread: threading.Thread) -> bool:
    """Whether a thread is monolith's: its watch over the loop, or that of the progress display."""
    return thread.name.startswith("monolith") or type(thread).__module__.startswith("rich.")


def _described(begun: Begun) -> str:
    if isinstance(begun, threading.Thread):
        return f"the thread {begun.name!r} running"
    try:
        return f"a connection to {begun.getpeername()} open"
    except OSError:
        return "a socket open"
