"""Company: how many requests are under way; batches for one index that wait meanwhile share the next one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from monolith_core import PermanentError, TemporaryError
from monolith_plugins_es.failures import Cut, TooLarge

COMPANY = 6
"""Days that are written at once beyond those with requests of their own; each needs memory for `bulk-bytes`."""

Items = list[dict[str, Any]]
"""The answer to each action of a batch, in order; none if all were done."""

Ask = Callable[[str, list[bytes]], Items | TemporaryError]
"""Sends lines to an index in one request; gives the answers, or why it may be sent again."""

Send = Callable[[str, list[bytes], Callable[[], None]], Items | TemporaryError]
"""The same for a batch with its fence."""


@dataclass(eq=False)
class _Waiting:
    """A batch that waits for a request, and then for its answer.

    Its turn comes with the others that go along; with None, if another one sends it.
    """

    index: str
    batch: list[bytes]
    fence: Callable[[], None]
    alone: bool
    turn: Future[list[_Waiting] | None] = field(default_factory=Future)
    answer: Future[Items | TemporaryError] = field(default_factory=Future)

    @cached_property
    def size(self) -> int:
        return sum(map(len, self.batch))

    def may_go(self) -> bool:
        """Whether its fence lets it pass; if not, that error is its answer."""
        try:
            self.fence()
        except BaseException as error:
            self.answer.set_exception(error)
            return False
        return True


class Company:
    """Sends batches by `ask`, at most `jobs` requests at once; a shared one has `most` actions, `most_bytes` at most.

    A batch goes as soon as fewer than `jobs` requests are under way, with those for the same index that wait just then.
    """

    def __init__(self, ask: Ask, *, jobs: int, most: int, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._ask = ask
        self._most = most
        self._free = jobs
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    @property
    def waiting(self) -> int:
        """How many batches wait for a request."""
        return len(self._waiting)

    def send(self, index: str, batch: list[bytes], fence: Callable[[], None]) -> Items | TemporaryError:
        """Send a batch, maybe with others in one request; gives the answers to its own actions, or why it may go again.

        `fence` is called before each request that has the batch, maybe from another thread. Raises what it raises, and
        PermanentError if the batch was refused for good: then it was sent alone.
        """
        return self._send(_Waiting(index, batch, fence, alone=False))

    def send_alone(self, index: str, batch: list[bytes], fence: Callable[[], None]) -> Items | TemporaryError:
        """The same in a request of its own."""
        return self._send(_Waiting(index, batch, fence, alone=True))

    def _send(self, mine: _Waiting) -> Items | TemporaryError:
        with self._lock:
            self._waiting.append(mine)
            self._begin()
        others = mine.turn.result()
        if others is not None:
            try:
                self._request(mine.index, [mine, *others])
            finally:
                with self._lock:
                    self._free += 1
                    self._begin()
        return mine.answer.result()

    def _begin(self) -> None:
        """Let the one that waits longest have a request, with those that go along, if one more may be under way."""
        if not self._free or not self._waiting:
            return
        self._free -= 1
        first = self._waiting.pop(0)
        others = [] if first.alone else self._company_of(first)
        for each in others:
            self._waiting.remove(each)
            each.turn.set_result(None)
        first.turn.set_result(others)

    def _company_of(self, first: _Waiting) -> list[_Waiting]:
        """Those that go along, as many as fit."""
        found: list[_Waiting] = []
        size, count = first.size, len(first.batch)
        for each in self._waiting:
            if each.alone or each.index != first.index:
                continue
            size, count = size + each.size, count + len(each.batch)
            if size > self.most_bytes or count > self._most:
                break
            found.append(each)
        return found

    def _request(self, index: str, group: list[_Waiting]) -> None:
        """Send these in one request and give each its answer; one by one, if that is refused for good."""
        going = [each for each in group if each.may_go()]
        if not going:
            return
        is_shared, size = len(going) > 1, sum(each.size for each in going)
        try:
            answer = self._ask(index, [line for each in going for line in each.batch])
        except BaseException as error:
            if is_shared and isinstance(error, TooLarge):
                self.most_bytes = size // 2
            if is_shared and isinstance(error, PermanentError):
                for each in going:
                    self._request(index, [each])
            else:
                for each in going:
                    each.answer.set_exception(error)
            return
        if is_shared and isinstance(answer, Cut):  # some servers do that when a request is too large
            self.most_bytes = size // 2
        at = 0
        for each in going:
            end = at + len(each.batch)
            each.answer.set_result(answer if isinstance(answer, TemporaryError) else answer[at:end])
            at = end
