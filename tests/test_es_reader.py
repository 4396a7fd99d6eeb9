"""A search never sees less than one whole answer of a day, whatever happens to a load; the next run leaves just one."""

from __future__ import annotations

import datetime as dt
import itertools
import signal
import subprocess
from pathlib import Path

import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make
from support.es_job import PER_DAY, Job
from support.es_proxy import Answer, Asked, Cut, Forward, Proxy
from support.es_reader import Reader
from support.staging import staged

__all__ = ["make"]

pytestmark = pytest.mark.server

BOUND = 1000
BUSY = {"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, until=dt.date(2024, 1, 31))


def begin(job: Job, url: str, **options: object) -> None:
    """Load the first answer, then let the shop have another one: all its prices are others."""
    job.configure(elasticsearch={"url": url, "bulk-bytes": 4096, "jobs": 1, "retries": 0, **options})
    job.extract()
    job.sell(f"UPDATE orders SET price = price + {BOUND}")
    job.extract("--sequence", "extract", "--force")


def prices(node: Node) -> list[float]:
    return [each["price"] for each in node.documents("monolith").values()]


def assert_second_answer(job: Job, node: Node) -> None:
    found = prices(node)
    assert len(found) == len(job.days) * PER_DAY
    assert min(found) >= BOUND
    job.monolith("reconcile", "--deep")


# A day is written by two requests with new documents, and then one that deletes.
@pytest.mark.parametrize(("number", "after"), [(2, False), (3, False), (3, True), (5, True)])
def test_killed_at_a_request(job: Job, node: Node, number: int, *, after: bool):
    """Before or after the node has done it."""
    running: list[subprocess.Popen[str]] = []
    count = itertools.count(1)

    def rule(asked: Asked, forward: Forward) -> Answer:
        mine = asked.is_bulk and bool(running) and next(count) == number
        answer = forward() if after or not mine else Answer(503)
        if mine:
            running[0].kill()
            raise Cut
        return answer

    with Proxy(node.url, rule) as proxy:
        begin(job, proxy.url)
        with Reader(node, field="price", bound=BOUND, whole=PER_DAY) as reader:
            running.append(job.start("--sequence", "load"))
            running[0].communicate(timeout=60)
            assert running.pop().returncode == -signal.SIGKILL
            job.extract("--sequence", "load")
        assert_second_answer(job, node)
    assert reader.torn == set()
    assert reader.looks > 3


def test_a_cluster_that_is_busy_and_cuts_connections(job: Job, node: Node):
    """Every bulk request is refused once, cut before or cut after it was done, in turn."""
    count = itertools.count()

    def rule(asked: Asked, forward: Forward) -> Answer:
        if not asked.is_bulk:
            return forward()
        fault = next(count) % 6
        if fault == 1:
            return Answer(429, BUSY, {"retry-after": "0"})
        if fault == 3:
            raise Cut
        answer = forward()
        if fault == 5:
            raise Cut
        return answer

    with Proxy(node.url, rule) as proxy:
        begin(job, proxy.url)
        with Reader(node, field="price", bound=BOUND, whole=PER_DAY) as reader:
            job.extract("--sequence", "load")
        assert_second_answer(job, node)
    assert reader.torn == set()


def test_new_documents_are_visible_before_the_stale_ones_go(make: Make, node: Node):
    """On every shard: Elasticsearch refreshes each by itself."""
    with Proxy(node.url) as proxy:
        target = make(proxy.url, shards=3, bulk_bytes=4096)
        for value in (0, 1):
            answer = staged([{"n": n, "value": value} for n in range(100)])
            proxy.asked.clear()
            target.replace(answer.partition, answer)
    steps = [step(asked) for asked in proxy.asked if asked.method == "POST"]
    assert [name for name, _ in itertools.groupby(steps)][-3:] == ["create", "_refresh", "delete"]


def step(asked: Asked) -> str:
    if asked.is_bulk:
        return "delete" if b'{"delete"' in asked.body else "create"
    return asked.path.partition("?")[0].rpartition("/")[2]
