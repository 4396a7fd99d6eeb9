"""Several clusters from one archive, and a cluster of several nodes: what is lost comes back, exactly once."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.elasticsearch_node import NEWEST, OLDEST, Node, cluster, lacking
from support.es_job import PER_DAY, Job
from support.es_proxy import Answer, Asked, Forward, Proxy, lines

from monolith_plugins_es.documents import document_id

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


@pytest.fixture
def another() -> Iterator[Node]:
    """A cluster of its own that a test may kill."""
    node = Node()
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def third(node_of: Callable[[str], Node]) -> Iterator[Node]:
    """An empty cluster, of the newest version that can be started here."""
    if not lacking(NEWEST):
        node = node_of(NEWEST)
        node.forget()
        yield node
        return
    node = Node(OLDEST)
    try:
        node.start()
        yield node
    finally:
        node.close()


def expected(job: Job) -> set[str]:
    """The ids of the documents of all that is archived."""
    return {document_id(dt.date.fromisoformat(day), identity) for identity, day in job.archived().items()}


def days_written(proxy: Proxy) -> list[str]:
    """The days of the documents that were sent, each once, in order."""
    documents = (json.loads(body) for bulk in proxy.bulks for _, body in lines(bulk.body) if body)
    return list(dict.fromkeys(each["date"] for each in documents))


def sent(proxy: Proxy) -> int:
    """How many documents were sent."""
    return sum(len(lines(bulk.body)) for bulk in proxy.bulks)


def forget(*proxies: Proxy) -> None:
    for proxy in proxies:
        proxy.asked.clear()


def report_of(job: Job, *arguments: str, expect: int = 0) -> dict[str, Any]:
    file = job.folder / "report.json"
    job.extract("--report", str(file), *arguments, expect=expect)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def close_the_shop(job: Job) -> None:
    """From now on whoever asks the source for anything gets an error."""
    with closing(sqlite3.connect(job.folder / "shop.sqlite")) as connection:
        connection.execute("DROP TABLE orders")


def test_a_cluster_that_was_down_for_a_day_and_a_new_one(tmp_path: Path, node: Node, another: Node, third: Node):
    job = Job(tmp_path, until=dt.date(2024, 2, 1))
    with Proxy(node.url) as to_first, Proxy(another.url) as to_second:
        # One day at a time, so that they come in order.
        urls = {name: {"url": proxy.url, "jobs": 1} for name, proxy in (("first", to_first), ("second", to_second))}
        job.configure(**urls)
        job.extract()
        assert {*node.documents("monolith")} == {*another.documents("monolith")} == expected(job)

        another.kill()
        job.until = dt.date(2024, 2, 2)
        job.sell_on(job.until)
        job.sell("INSERT INTO orders VALUES ('2024-01-31', 'a late one', 1)")
        job.configure(**urls)
        job.extract("--sequence", "extract", "--force", "--date", "2024-01-31")
        for _ in range(2):  # two of the hourly runs of that day
            assert "no connection to Elasticsearch" in job.extract(expect=1)
            assert {*node.documents("monolith")} == expected(job), "the other one goes on"

        close_the_shop(job)
        another.start()
        forget(to_first, to_second)
        assert report_of(job)["counts"]["done"] == 2
        assert days_written(to_second) == ["2024-02-02", "2024-01-31"], "what it lacks, newest day first"
        assert sent(to_second) == PER_DAY + 1
        assert to_first.bulks == []
        assert {*another.documents("monolith")} == expected(job)

        forget(to_first, to_second)
        with Proxy(third.url) as to_third:
            job.configure(**urls, third={"url": to_third.url, "jobs": 1})
            assert report_of(job)["counts"]["done"] == len(job.days)
            assert days_written(to_third) == [day.isoformat() for day in reversed(job.days)]
            assert sent(to_third) == len(expected(job))
            assert to_first.bulks == to_second.bulks == []
            assert {*third.documents("monolith")} == expected(job)
            job.monolith("reconcile", "--deep")


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """A cluster of three nodes."""
    nodes = cluster(3)
    yield nodes
    for node in nodes:
        node.close()


def leader_of(nodes: list[Node]) -> Node:
    """The elected master."""
    (found,) = nodes[0].ask("GET", "/_cat/master?format=json")
    return next(node for node in nodes if node.settings["node.name"] == found["node"])


def test_a_cluster_of_three_that_loses_one_during_a_load(tmp_path: Path, nodes: list[Node]):
    """The node that is lost is the one that leads the others, and the one that the load talks to."""
    job = Job(tmp_path, since=dt.date(2024, 1, 20), until=dt.date(2024, 2, 10))
    lost = leader_of(nodes)
    one, other = (node for node in nodes if node is not lost)
    count, health = itertools.count(1), set[str]()

    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk:
            # Of the index that it is for: the one of another month may be made just then.
            index = asked.path.split("/")[1]
            health.add(lost.ask("GET", f"/_cluster/health/{index}")["status"])
            if next(count) == 3:  # every third request comes here
                lost.kill()
        return forward()

    with Proxy(lost.url, rule) as proxy:
        urls = " ".join([proxy.url, one.url, other.url])
        # A request a day, so that there are enough of them.
        job.configure(elasticsearch={"url": urls, "replicas": 1, "shards": 2, "batch-size": PER_DAY})
        status, output = job.run()
        assert lost.process is None, output
        assert health == {"green"}, "nothing is written to a new index before its replicas take it too"
        # What failed while another leader was elected is due in the next run.
        assert status == 0 or report_of(job)["counts"]["failed"] == 0, output
        assert {*one.documents("monolith")} == expected(job)
        job.monolith("reconcile", "--deep")

        lost.begin()
        lost.await_ready(3, status="green")
        assert {*lost.documents("monolith")} == {*other.documents("monolith")} == expected(job)
        job.monolith("reconcile", "--deep")
        assert report_of(job)["counts"]["due"] == 0
