"""Whole runs: from a database through the archive into Elasticsearch, and what a second run does."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.elasticsearch_node import Node
from support.es_job import PER_DAY, Job, counts
from support.es_proxy import Proxy
from support.servers import free_port

pytestmark = pytest.mark.server


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_the_archive_is_loaded_and_then_there_is_nothing_to_do(job: Job, node: Node):
    with Proxy(node.url) as proxy:
        job.configure(elasticsearch=proxy.url)
        job.extract()
        days = {day.isoformat(): PER_DAY for day in job.days}
        assert counts(node) == days
        proxy.asked.clear()
        job.extract()
        (question,) = proxy.asked
        assert question.method == "GET", "a run with nothing to do asks only whether indices are still lowered"
        job.sell("INSERT INTO orders VALUES ('2024-02-01', 'one more', 1)")
        job.extract("--force", "--date", "2024-02-01")
        (bulk,) = proxy.bulks
        assert bulk.body.count(b"\n") == 2
        assert counts(node) == {**days, "2024-02-01": PER_DAY + 1}


def test_a_cluster_that_is_down_holds_up_no_other(job: Job, node: Node):
    job.configure(elasticsearch=node.url, second=f"http://127.0.0.1:{free_port()}")
    assert "no connection to Elasticsearch" in job.extract(expect=1)
    assert sum(counts(node).values()) == 4 * PER_DAY


def test_the_check_command(job: Job, node: Node):
    job.configure(elasticsearch=node.url)
    job.extract()
    expected = f"Elasticsearch {node.version}, template version 1, 2 indices under the alias monolith"
    assert job.monolith("check").splitlines()[-1].endswith(expected)
