"""Bulk: sends actions in requests of bounded size, reads the answer to each, and sends again what was refused."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monolith_core import MonolithError, PermanentError, TemporaryError
from monolith_plugins_es.cluster import Cluster, path_of
from monolith_plugins_es.company import Company, Items, Send
from monolith_plugins_es.documents import batches
from monolith_plugins_es.failures import Cut, TooLarge, Unreachable, refusal

ATTEMPTS = 6
"""How often an action is sent before the engine is told, which tries the partition again later."""

FIRST_WAIT = 0.5
PATIENCE = 60.0
"""Seconds after which an action is not sent again: a cluster that lacks a shard has itself waited for it each time."""

LONGEST_WAIT = 30.0
"""Seconds: a service that asks for more is not waited for here."""

_ANSWER = "errors,items.*.status,items.*.error"
_TIMEOUT = "30s"


class _Answer(msgspec.Struct):
    """The answer to a bulk request; the items are decoded only if one of them has an error."""

    errors: bool = False
    items: msgspec.Raw = msgspec.Raw(b"[]")

    @property
    def count(self) -> int:
        """How many items there are."""
        return bytes(self.items).count(b'"status"')


@dataclass
class _Sending:
    """The actions of one partition; `idle` is how many changed nothing, because it was so already."""

    index: str
    fence: Callable[[], None]
    idle: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, idle: int) -> None:
        """Count further ones; from any thread."""
        if idle:
            with self.lock:
                self.idle += idle


class Bulk:
    """Sends actions to one index after another; `explain` makes the error for an action that was refused for good."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        nodes: int,
        most: int,
        most_bytes: int,
        jobs: int,
        explain: Callable[[str, bytes, Any], PermanentError],
    ) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self._most = most
        self._most_bytes = most_bytes
        self._explain = explain
        self._company = Company(self._ask, jobs=jobs, most=most, most_bytes=most_bytes)
        # Held by each batch of a partition that has several, so that they do not add up while they wait.
        self._places = threading.BoundedSemaphore(jobs)
        self._workers = ThreadPoolExecutor(jobs, thread_name_prefix="elasticsearch")

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._cluster.stop_waiting()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def send(self, index: str, lines: Iterable[bytes], fence: Callable[[], None]) -> int:
        """Send every action to `index`; `fence` is called before each request, maybe from another thread.

        Gives the number of those that found what they were to bring about. Raises PermanentError if one was refused
        for good, TemporaryError if one was refused again and again; others may have been done then.
        """
        sending = _Sending(index, fence)
        pending: set[Future[None]] = set()
        try:
            for batch, is_last in batches(lines, self._most_bytes, self._most):
                if is_last and not pending:
                    # From here, so that a partition of one batch costs no thread.
                    self._send(sending, batch, shared=True)
                else:
                    self._start(pending, sending, batch)
            _finish(pending, wait(pending).done)
        finally:
            _abandon(pending)
        return sending.idle

    def _start(self, pending: set[Future[None]], sending: _Sending, batch: list[bytes]) -> None:
        """Send a batch from another thread, as soon as fewer than `jobs` are being sent."""
        self._places.acquire()
        try:
            _finish(pending, {future for future in pending if future.done()})
            future = self._workers.submit(self._send, sending, batch)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda done: self._places.release())
        pending.add(future)

    def _send(self, sending: _Sending, batch: list[bytes], *, shared: bool = False) -> None:
        """Send a batch until each of its actions is done; the first time with others, if it may be `shared`."""
        todo, seconds, lost, cut = batch, FIRST_WAIT, 0, 0
        end = time.monotonic() + PATIENCE
        for attempt in range(ATTEMPTS):
            if shared and not attempt:
                todo, error = self._once(sending, batch, self._company.send)
            else:
                # Some servers cut the connection when a request is too large: twice, and it is sent in parts.
                todo, error = self._in_parts(sending, todo, 2 ** max(0, cut - 1))
            if error is None:
                return
            cut += isinstance(error, Cut)
            lost += isinstance(error, Unreachable) and not isinstance(error, Cut)
            asked = error.retry_after
            spent = attempt + 1 == ATTEMPTS or time.monotonic() > end
            if spent or lost > self._nodes or (asked or 0) > LONGEST_WAIT:
                raise error
            if isinstance(error, Unreachable):
                continue  # the next node may be better
            if self._cluster.wait(asked if asked is not None else seconds * (1 + random.random() / 2)):
                raise error
            seconds *= 2

    def _in_parts(self, sending: _Sending, batch: list[bytes], parts: int) -> tuple[list[bytes], TemporaryError | None]:
        """Send a batch once, in so many parts; gives what is to be sent again, and why."""
        todo: list[bytes] = []
        reason: TemporaryError | None = None
        size = max(1, -(-len(batch) // parts))
        for at in range(0, len(batch), size):
            rest, error = self._once(sending, batch[at : at + size], self._company.send_alone)
            todo += rest
            reason = reason or error
        return todo, reason

    def _once(self, sending: _Sending, batch: list[bytes], send: Send) -> tuple[list[bytes], TemporaryError | None]:
        """Send a batch once; gives what is to be sent again, and why."""
        try:
            items = send(sending.index, batch, sending.fence)
        except TooLarge:
            return self._halved(sending, batch)
        if isinstance(items, TemporaryError):
            return batch, items
        return self._sorted_out(sending, batch, items) if items else ([], None)

    def _ask(self, index: str, lines: list[bytes]) -> Items | TemporaryError:
        """The answers to the actions of one request, or why they may be sent again."""
        doing = f"write to {index}"
        path = path_of(index, "_bulk")
        try:
            answer = self._cluster.ask_once(
                "POST", path, b"".join(lines), doing=doing, shape=_Answer, filter_path=_ANSWER, timeout=_TIMEOUT
            )
        except TemporaryError as error:
            return error
        items: Items = []
        if answer.errors:
            items = [next(iter(item.values())) for item in msgspec.json.decode(answer.items)]
        answered = len(items) if answer.errors else answer.count
        if answered != len(lines):
            return TemporaryError(f"Elasticsearch answered {answered} of {len(lines)} actions on {index}")
        return items

    def _halved(self, sending: _Sending, batch: list[bytes]) -> tuple[list[bytes], TemporaryError | None]:
        """Send a batch that is too large in two parts, and smaller ones from now on."""
        if len(batch) == 1:
            raise self._explain(sending.index, batch[0], {"type": "too_large", "reason": ""})
        self._most_bytes = max(1024, min(self._most_bytes, sum(map(len, batch)) // 2))
        return self._in_parts(sending, batch, 2)

    def _sorted_out(
        self, sending: _Sending, batch: list[bytes], items: Items
    ) -> tuple[list[bytes], TemporaryError | None]:
        """Read the answer to each action."""
        todo: list[bytes] = []
        reason: TemporaryError | None = None
        idle = 0
        for line, item in zip(batch, items, strict=True):
            status = item["status"]
            if status < 300:
                continue
            error = item.get("error", {})
            if _is_idle(status, error):
                idle += 1
                continue
            failure = self._failure(sending.index, line, status, error)
            if not isinstance(failure, TemporaryError):
                raise failure
            todo.append(line)
            reason = reason or failure
        sending.add(idle)
        return todo, reason

    def _failure(self, index: str, line: bytes, status: int, error: Any) -> MonolithError:
        if status == 400:
            return self._explain(index, line, error)
        if status == 404:  # the index was deleted under us, and Elasticsearch may not make it by itself
            return TemporaryError(f"{index} is gone")
        return refusal(status, error, f"write to {index}")


def _is_idle(status: int, error: Any) -> bool:
    """Whether a document that was to be created is there, or one that was to be deleted is not."""
    return (status == 409 and error.get("type") == "version_conflict_engine_exception") or (status == 404 and not error)


def _finish(pending: set[Future[None]], done: set[Future[None]]) -> None:
    """Have done with these; raises the error of one that failed."""
    for future in done:
        pending.discard(future)
        future.result()


def _abandon(pending: set[Future[None]]) -> None:
    """Begin none of these any more, and wait for those that are under way."""
    for future in pending:
        future.cancel()
    wait(pending)
