"""Faults of bulk requests by chance, for a proxy before a real node."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

from support.es_proxy import Answer, Asked, Cut, Forward, Proxy

BUSY = {"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}


def _too_many(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    return Answer(429, BUSY)


def _unavailable(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    return Answer(503, BUSY, {"retry-after": "0"})


def _unavailable_after_it_was_done(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    proxy.forward(asked)
    return Answer(503, BUSY, {"retry-after": "0"})


def _cut_before(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    raise Cut


def _cut_after(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    proxy.forward(asked)
    raise Cut


def _half_an_answer(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    answer = proxy.forward(asked)
    return Answer(answer.status, answer.content[: len(answer.content) // 2])


def _some_refused(proxy: Proxy, asked: Asked, chance: random.Random) -> Answer:
    return proxy.forward_some(asked, lambda number: chance.random() < 0.5)


FAULTS: dict[str, Callable[[Proxy, Asked, random.Random], Answer]] = {
    "429": _too_many,
    "503": _unavailable,
    "503 after it was done": _unavailable_after_it_was_done,
    "cut before it was done": _cut_before,
    "cut after it was done": _cut_after,
    "half an answer": _half_an_answer,
    "some items refused": _some_refused,
}


class Mischief:
    """A proxy's rule: a part of the bulk requests, by chance, meets with a fault; `done` counts them by their names."""

    def __init__(self, proxy: Proxy, chance: random.Random, part: float) -> None:
        self._proxy = proxy
        self._chance = chance
        self._part = part
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()

    def __call__(self, asked: Asked, forward: Forward) -> Answer:
        if not asked.is_bulk or self._chance.random() > self._part:
            return forward()
        name = self._chance.choice([*FAULTS])
        with self._lock:
            self.done[name] += 1
        return FAULTS[name](self._proxy, asked, self._chance)
