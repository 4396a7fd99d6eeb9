"""Days that are written at the same time share requests, and each is as whole or as failed as if it were alone."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make
from support.es_proxy import Answer, Asked, Cut, Forward, Proxy, Rule, lines, plainly
from support.staging import DAY, MemoryStaged, staged

from monolith_core.errors import LeaseLost, RecordError
from monolith_core.partition import ONE_DAY
from monolith_core.plugin import Written
from monolith_plugins_es import bulk
from monolith_plugins_es.company import Company

__all__ = ["make"]

pytestmark = pytest.mark.server

SIZE = 20
SHARED = 3
"""Days that wait while the request of another one is under way."""

WHOLE = Written(SIZE, 0, 0)


class Companies:
    """The companies that targets have made."""

    def __init__(self) -> None:
        self.made: list[Company] = []

    def __call__(self, *given: Any, **options: Any) -> Company:
        self.made.append(Company(*given, **options))
        return self.made[-1]

    def await_waiting(self, count: int) -> None:
        """Wait until so many batches wait for a request."""
        end = time.monotonic() + 60
        while self.made[-1].waiting < count:
            assert time.monotonic() < end
            time.sleep(0.001)


@pytest.fixture(autouse=True)
def companies(monkeypatch: pytest.MonkeyPatch) -> Companies:
    found = Companies()
    monkeypatch.setattr(bulk, "Company", found)
    monkeypatch.setattr(bulk, "FIRST_WAIT", 0.01)
    return found


def days(count: int = SHARED + 1) -> list[MemoryStaged]:
    return [staged([{"n": n} for n in range(SIZE)], day=DAY - number * ONE_DAY) for number in range(count)]


def write(
    make: Make, node: Node, companies: Companies, answers: Sequence[MemoryStaged], rule: Rule = plainly
) -> tuple[list[Written | BaseException], list[Asked]]:
    """Write days at once, one request at a time; the first one lasts until all others wait, `rule` is for the rest.

    Gives what became of each, and the bulk requests after the first one.
    """
    first = threading.Lock()

    def holding(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk and first.acquire(blocking=False):
            companies.await_waiting(len(answers) - 1)
            return forward()
        return rule(asked, forward)

    with Proxy(node.url, holding) as proxy, ThreadPoolExecutor(len(answers)) as threads:
        target = make(proxy.url, jobs=1)
        futures = [threads.submit(target.replace, each.partition, each) for each in answers]
        return [each.exception() or each.result() for each in futures], proxy.bulks[1:]


def refusing(answer: Answer, *, above: int) -> Rule:
    """The rule that answers so to bulk requests of more actions than `above`."""

    def rule(asked: Asked, forward: Forward) -> Answer:
        return answer if asked.is_bulk and len(lines(asked.body)) > above else forward()

    return rule


def count_by_day(node: Node) -> dict[str, int]:
    found = sorted(each["date"] for each in node.documents("monolith").values())
    return {day: len(list(those)) for day, those in itertools.groupby(found)}


def sizes(bulks: Sequence[Asked]) -> list[int]:
    return [len(lines(each.body)) for each in bulks]


def whole(answers: Sequence[MemoryStaged]) -> dict[str, int]:
    return {str(each.partition.date): SIZE for each in answers}


def test_days_that_wait_share_a_request(make: Make, node: Node, companies: Companies):
    answers = days()
    written, bulks = write(make, node, companies, answers)
    assert written == [WHOLE] * len(answers)
    assert sizes(bulks) == [SHARED * SIZE]
    assert count_by_day(node) == whole(answers)
    assert [each.fences for each in answers] == [1] * len(answers)


def test_a_record_that_is_refused_fails_only_its_day(make: Make, node: Node, companies: Companies):
    """What was created of it is taken back."""
    answers = days()
    good = staged([{"n": 1}])
    make().replace(good.partition, good)  # the field is a number from now on
    node.ask("DELETE", "/monolith-2024-02/_doc/" + next(iter(node.documents("monolith"))))
    bad = staged([*({"m": n} for n in range(SIZE)), {"n": "no number"}], day=DAY - 9 * ONE_DAY)
    written, bulks = write(make, node, companies, [*answers, bad])
    assert written[:-1] == [WHOLE] * len(answers)
    assert isinstance(written[-1], RecordError)
    assert written[-1].field == "n"
    assert max(sizes(bulks)) > SIZE + 1
    assert count_by_day(node) == whole(answers)


def test_a_lost_lease_fails_only_its_day(make: Make, node: Node, companies: Companies):
    answers = days()
    lost = days(SHARED + 2)[-1]

    def raising() -> None:
        raise LeaseLost("taken over")

    lost.fence = raising  # type: ignore[method-assign]
    written, _ = write(make, node, companies, [*answers, lost])
    assert written[:-1] == [WHOLE] * len(answers)
    assert isinstance(written[-1], LeaseLost)
    assert count_by_day(node) == whole(answers)


def test_what_is_too_large_together_is_sent_alone(make: Make, node: Node, companies: Companies):
    answers = days()
    written, bulks = write(make, node, companies, answers, refusing(Answer(413), above=SIZE))
    assert written == [WHOLE] * len(answers)
    assert sizes(bulks) == [SHARED * SIZE, *[SIZE] * SHARED]
    assert count_by_day(node) == whole(answers)


def test_what_is_too_large_alone_is_halved(make: Make, node: Node, companies: Companies):
    answers = days()
    written, bulks = write(make, node, companies, answers, refusing(Answer(413), above=SIZE // 2))
    assert written == [WHOLE] * len(answers)
    assert sorted(sizes(bulks)) == [*[SIZE // 2] * 2 * SHARED, *[SIZE] * SHARED, SHARED * SIZE]
    assert count_by_day(node) == whole(answers)


@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "after it is done"])
def test_a_connection_that_is_cut_under_several(make: Make, node: Node, companies: Companies, done: bool):
    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk and len(lines(asked.body)) > SIZE:
            if done:
                forward()
            raise Cut
        return forward()

    answers = days()
    written, bulks = write(make, node, companies, answers, rule)
    kept = Written(0, 0, SIZE) if done else WHOLE
    assert sorted(map(str, written)) == sorted(map(str, [WHOLE, *[kept] * SHARED]))
    assert sizes(bulks) == [SHARED * SIZE, *[SIZE] * SHARED]
    assert count_by_day(node) == whole(answers)


@pytest.mark.parametrize("status", [429, 503])
def test_a_cluster_that_is_busy_under_several(make: Make, node: Node, companies: Companies, status: int):
    answers = days()
    busy = refusing(Answer(status, {"error": "busy"}), above=SIZE)
    written, bulks = write(make, node, companies, answers, busy)
    assert written == [WHOLE] * len(answers)
    assert sizes(bulks) == [SHARED * SIZE, *[SIZE] * SHARED]
    assert count_by_day(node) == whole(answers)


def test_only_the_day_that_was_refused_is_sent_again(make: Make, node: Node, companies: Companies):
    """Some actions of the last day in the shared request are refused for now."""
    answers = days()
    with Proxy(node.url) as behind:

        def rule(asked: Asked, forward: Forward) -> Answer:
            if not asked.is_bulk or len(lines(asked.body)) <= SIZE:
                return forward()
            return behind.forward_some(asked, lambda number: number < SHARED * SIZE - 5)

        written, bulks = write(make, node, companies, answers, rule)
    assert written == [WHOLE] * len(answers)
    assert sizes(bulks) == [SHARED * SIZE, 5]
    assert count_by_day(node) == whole(answers)
