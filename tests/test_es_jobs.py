"""Several requests at once: of several days, or of one large day, and never more than `jobs`."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make
from support.es_job import PER_DAY, Job, counts
from support.es_proxy import Answer, Asked, Forward, Proxy
from support.staging import DAY, staged

from monolith_core.partition import ONE_DAY
from monolith_core.plugin import Written

__all__ = ["make"]

pytestmark = pytest.mark.server


def test_several_days_are_sent_at_once(node: Node, tmp_path: Path):
    job, meeting, count = Job(tmp_path), threading.Barrier(2, timeout=60), itertools.count()

    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk and next(count) < 2:
            meeting.wait()  # until there is another one
        return forward()

    with Proxy(node.url, rule) as proxy:
        job.configure(elasticsearch={"url": proxy.url, "jobs": 2})
        job.extract()
    assert counts(node) == {str(day): PER_DAY for day in job.days}


def test_no_more_requests_than_jobs(make: Make, node: Node):
    under_way: list[Asked] = []
    at_once = [0]

    def rule(asked: Asked, forward: Forward) -> Answer:
        if not asked.is_bulk:
            return forward()
        under_way.append(asked)
        at_once.append(len(under_way))
        answer = forward()
        under_way.remove(asked)
        return answer

    sizes = [300, 20, 300, 20, 20, 20]  # several requests, and one
    days = [staged([{"n": n} for n in range(size)], day=DAY - number * ONE_DAY) for number, size in enumerate(sizes)]
    with Proxy(node.url, rule) as proxy, ThreadPoolExecutor(len(days)) as threads:
        target = make(proxy.url, jobs=2, bulk_bytes=10_000)
        written = list(threads.map(lambda each: target.replace(each.partition, each), days))
    assert written == [Written(size, 0, 0) for size in sizes]
    assert len(proxy.bulks) > len(days)
    assert max(at_once) <= 2
    assert len(node.documents("monolith")) == sum(sizes)
