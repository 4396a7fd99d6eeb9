"""Batches that share a request: who goes with whom, who gets which answer, and who fails."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from monolith_core import MonolithError, PermanentError, TemporaryError
from monolith_plugins_es.company import Company, Items
from monolith_plugins_es.failures import Cut, TooLarge

INDEX = "monolith-2024-02"


def may() -> None:
    """A fence that lets everything pass."""


def may_not() -> None:
    raise TemporaryError("this write was given up")


class Cluster:
    """Answers requests as soon as it is open; remembers them, and how many there were at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked: list[tuple[str, list[bytes]]] = []
        self.under_way = self.most = 0
        self.answer: Callable[[list[bytes]], Items | TemporaryError] = lambda lines: []

    def ask(self, index: str, lines: list[bytes]) -> Items | TemporaryError:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.asked.append((index, lines))
        try:
            assert self.open.wait(60)
            return self.answer(lines)
        finally:
            self.under_way -= 1


class Meeting:
    """A company whose only request is under way, with the batch `first`, until `end`; others come meanwhile."""

    def __init__(self, threads: ThreadPoolExecutor, **options: Any) -> None:
        self.cluster = Cluster()
        self.company = Company(self.cluster.ask, **{"jobs": 1, "most": 100, "most_bytes": 1000, **options})
        self._threads = threads
        self._come = 0
        self.first = self.come([b"first"])

    def come(
        self, batch: list[bytes], *, index: str = INDEX, fence: Callable[[], None] = may
    ) -> Future[Items | TemporaryError]:
        """Another batch, which is in the request that is under way or waits when this is over."""
        future = self._threads.submit(self.company.send, index, batch, fence)
        end = time.monotonic() + 60
        while len(self.cluster.asked) + self.company.waiting <= self._come:
            assert time.monotonic() < end
            time.sleep(0.001)
        self._come += 1
        return future

    def end(self) -> list[list[bytes]]:
        """Let everything be answered; gives the requests after the first one."""
        self.cluster.open.set()
        self._threads.shutdown()
        assert self.company.waiting == 0
        return [lines for _, lines in self.cluster.asked[1:]]


@contextmanager
def meeting(**options: Any) -> Iterator[Meeting]:
    with ThreadPoolExecutor(20) as threads:
        found = Meeting(threads, **options)
        try:
            yield found
        finally:
            found.cluster.open.set()


def test_those_that_wait_go_together_and_each_gets_its_answers():
    with meeting() as met:
        found = [met.come([b"a1", b"a2"]), met.come([b"b"]), met.come([b"c1", b"c2"])]
        met.cluster.answer = lambda lines: [{"of": line} for line in lines]
        assert [set(lines) for lines in met.end()] == [{b"a1", b"a2", b"b", b"c1", b"c2"}]
    assert [each.result() for each in found] == [
        [{"of": b"a1"}, {"of": b"a2"}],
        [{"of": b"b"}],
        [{"of": b"c1"}, {"of": b"c2"}],
    ]


def test_nobody_waits_for_company():
    with meeting(jobs=3) as met:
        for name in (b"a", b"b"):
            met.come([name])
        assert len(met.cluster.asked) == 3
        assert met.end() == [[b"a"], [b"b"]]


def test_another_index_has_requests_of_its_own():
    with meeting() as met:
        for name in (b"a", b"b"):
            met.come([name])
            met.come([name], index="monolith-2024-01")
        met.end()
        asked = met.cluster.asked[1:]
        assert sorted(index for index, _ in asked) == ["monolith-2024-01", INDEX]
        assert all(sorted(lines) == [b"a", b"b"] for _, lines in asked)


@pytest.mark.parametrize("bound", [{"most_bytes": 7}, {"most": 2}])
def test_no_more_than_fits(bound: dict[str, int]):
    with meeting(**bound) as met:
        for name in (b"aaa", b"bbb", b"ccc", b"ddd"):
            met.come([name])
        requests = met.end()
        assert [len(lines) for lines in requests] == [2, 2]
        assert sorted(itertools.chain(*requests)) == [b"aaa", b"bbb", b"ccc", b"ddd"]


def test_one_that_fits_nowhere_goes_alone():
    with meeting(most_bytes=7) as met:
        for name in (b"a", b"longer than that", b"c"):
            met.come([name])
        assert sorted(len(lines) for lines in met.end()) in ([1, 1, 1], [1, 2])


def test_a_fence_fails_only_its_own():
    with meeting() as met:
        found = [met.come([b"a"]), met.come([b"b"], fence=may_not), met.come([b"c"])]
        assert [sorted(lines) for lines in met.end()] == [[b"a", b"c"]]
    assert found[0].result() == found[2].result() == []
    with pytest.raises(TemporaryError, match="given up"):
        found[1].result()


def test_nothing_is_sent_where_nothing_may_be():
    with meeting() as met:
        found = [met.come([name], fence=may_not) for name in (b"a", b"b")]
        assert met.end() == []
    assert all(isinstance(each.exception(), TemporaryError) for each in found)


def test_fences_are_asked_again_before_each_request():
    asked: list[str] = []
    with meeting() as met:
        for name in "ab":
            met.come([name.encode()], fence=lambda name=name: asked.append(name))  # type: ignore[misc]
        met.cluster.answer = refusing(TooLarge("too large"), lambda lines: len(lines) > 1)
        met.end()
    assert sorted(asked) == ["a", "a", "b", "b"]


def refusing(error: MonolithError, which: Callable[[list[bytes]], bool]) -> Callable[[list[bytes]], Items]:
    def answer(lines: list[bytes]) -> Items:
        if which(lines):
            raise error
        return []

    return answer


def test_what_is_too_large_together_is_sent_alone_and_less_together_from_then_on():
    with meeting() as met:
        found = [met.come([name]) for name in (b"aaaa", b"bbbb", b"cccc")]
        met.cluster.answer = refusing(TooLarge("too large"), lambda lines: len(lines) > 1)
        assert [len(lines) for lines in met.end()] == [3, 1, 1, 1]
    assert [each.result() for each in found] == [[], [], []]
    assert met.company.most_bytes == 6


def test_what_is_refused_for_good_is_refused_only_to_whom_it_concerns():
    with meeting() as met:
        found = [met.come([name]) for name in (b"a", b"bad", b"c")]
        met.cluster.answer = refusing(PermanentError("no"), lambda lines: b"bad" in lines)
        met.end()
    assert [each.exception() is None for each in found] == [True, False, True]
    assert isinstance(found[1].exception(), PermanentError)
    assert met.company.most_bytes == 1000


@pytest.mark.parametrize(("error", "most_bytes"), [(Cut("lost"), 2), (TemporaryError("busy"), 1000)])
def test_each_gets_an_error_that_may_pass(error: TemporaryError, most_bytes: int):
    """A connection may have been cut because the request was too large: less goes together from then on."""
    with meeting() as met:
        found = [met.come([name]) for name in (b"aa", b"bb")]
        met.cluster.answer = lambda lines: error
        assert len(met.end()) == 1
    assert [each.result() for each in found] == [error, error]
    assert met.company.most_bytes == most_bytes


def test_a_bug_is_told_to_each_and_leaves_room_for_the_next():
    with meeting() as met:
        found = [met.come([name]) for name in (b"a", b"b")]
        met.cluster.answer = refusing(PermanentError("never"), lambda lines: bool(1 / 0))
        met.end()
        met.cluster.answer = lambda lines: []
        assert met.company.send_alone(INDEX, [b"c"], may) == []
    assert all(isinstance(each.exception(), ZeroDivisionError) for each in found)


def test_as_many_requests_as_jobs_and_no_more():
    cluster, meet = Cluster(), threading.Barrier(2, timeout=60)
    cluster.open.set()
    cluster.answer = lambda lines: [{"met": meet.wait()}]
    company = Company(cluster.ask, jobs=2, most=1, most_bytes=1000)
    with ThreadPoolExecutor(20) as threads:
        for number in range(200):
            threads.submit((company.send, company.send_alone)[number % 2], INDEX, [b"%d" % number], may)
    assert cluster.most == 2
    assert sorted(int(lines[0]) for _, lines in cluster.asked) == list(range(200))
