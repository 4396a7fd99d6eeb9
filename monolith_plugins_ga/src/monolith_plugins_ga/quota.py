"""Quota: which requests for a property may begin, by what Google says is left of its quotas.

A property's quotas are counted at Google for everyone who asks for it, so they are here for the whole process: every
source of a property goes through the same gate.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from monolith_core import Deferred

AT_ONCE = 10
"""Requests that Google answers at the same time for a property that is not of Analytics 360."""

FORGET = 3600.0
"""Seconds after which what was known of the quotas is out of date: those of an hour have come back by then."""


class Left(NamedTuple):
    """One quota as an answer tells it: what its request took, and what is left."""

    consumed: int
    remaining: int


class Gate:
    """Lets requests of one property and one project begin; any thread may come at any time.

    Until an answer has told what is left, one request is sent at a time. `slots` holds a place for each request that
    may be sent at once.
    """

    def __init__(self, slots: threading.Semaphore, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._clock = clock
        self._changed = threading.Condition()
        self._left: dict[str, Left] = {}
        self._told = 0.0
        self._answers = 0
        self._cost = 1
        self._sent = 0
        self._over = ""

    @contextmanager
    def passing(self, what: str, reserve: int) -> Iterator[Callable[[Mapping[str, Left]], None]]:
        """Hold a place while a request is sent; call what is yielded with the quotas that its answer tells.

        Waits for a place. Raises Deferred, naming `what`, when a request would leave less than `reserve` tokens.
        """
        began = self._begin(what, reserve)
        try:
            with self._slots:
                yield lambda left: self._learn(left, began)
        finally:
            with self._changed:
                self._sent -= 1
                self._changed.notify_all()

    def place(self) -> AbstractContextManager[object]:
        """Hold a place while something is sent that takes no tokens; waits for one."""
        return self._slots

    def affords(self, requests: int, reserve: int) -> bool:
        """Whether so many requests would leave `reserve` tokens, as far as is known."""
        with self._changed:
            self._forget()
            return self._lacking(requests, reserve) is None

    def close(self, why: str) -> None:
        """Let nothing begin for an hour, because Google said that a quota is used up."""
        with self._changed:
            self._over, self._told = why, self._clock()

    def _begin(self, what: str, reserve: int) -> int:
        with self._changed:
            while True:
                self._forget()
                if self._over:
                    raise Deferred(self._over)
                lacking = self._lacking(1, reserve)
                if lacking is not None:
                    raise Deferred(self._used_up(what, lacking, reserve))
                if not self._sent or (self._left and self._lacking(self._sent + 1, reserve) is None):
                    self._sent += 1
                    return self._answers
                self._changed.wait()

    def _learn(self, left: Mapping[str, Left], began: int) -> None:
        with self._changed:
            # Of answers that crossed one another the lowest is true, or nearest to it.
            crossed = began != self._answers
            for name, told in left.items():
                known = self._left.get(name)
                self._left[name] = min(known, told, key=lambda each: each.remaining) if known and crossed else told
                self._cost = max(self._cost, told.consumed)
            self._answers += 1
            self._told = self._clock()
            self._changed.notify_all()

    def _forget(self) -> None:
        if self._clock() - self._told > FORGET:
            self._left.clear()
            self._over = ""

    def _lacking(self, requests: int, reserve: int) -> str | None:
        """The quota that so many requests would eat into."""
        for name, told in self._left.items():
            if told.remaining - requests * self._cost < reserve:
                return name
        return None

    def _used_up(self, what: str, name: str, reserve: int) -> str:
        return (
            f"the quota of {what} is used up: {self._left[name].remaining:,} tokens per {name} are left, "
            f"{reserve:,} are reserved (quota-reserve), and a request takes up to {self._cost:,}; "
            "the rest comes with a later run"
        )


_lock = threading.Lock()
_slots: dict[tuple[str, str], threading.Semaphore] = {}
_gates: dict[tuple[str, str, str], Gate] = {}


def gate(endpoint: str, number: str, project: str) -> Gate:
    """The process's gate to a property for a project; the places for requests at once are all projects'."""
    with _lock:
        slots = _slots.setdefault((endpoint, number), threading.Semaphore(AT_ONCE))
        return _gates.setdefault((endpoint, number, project), Gate(slots))


def forget() -> None:
    """Forget every gate, as a new process would."""
    with _lock:
        _slots.clear()
        _gates.clear()
