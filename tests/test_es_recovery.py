"""What is lost beside Elasticsearch, and runs that meet: the indices come to be as the archive is, without doubles."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from support.elasticsearch_node import Node
from support.es_job import PATIENCE, PER_DAY, Job
from support.es_proxy import Proxy

from monolith_plugins_es.documents import document_id

pytestmark = pytest.mark.server


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def expected(job: Job) -> set[str]:
    """The ids of the documents of all that is archived."""
    return {document_id(dt.date.fromisoformat(day), identity) for identity, day in job.archived().items()}


def test_a_storage_that_was_restored_from_a_backup(job: Job, node: Node):
    """Ledger and archive are of the day before; Elasticsearch has a day more, and one that was corrected since."""
    job.until = dt.date(2024, 2, 1)
    job.configure(elasticsearch=node.url)
    job.extract()
    backup = shutil.copy(job.folder / "archive.sqlite", job.folder / "backup.sqlite")
    job.until = dt.date(2024, 2, 2)
    job.configure(elasticsearch=node.url)
    job.sell("UPDATE orders SET price = price + 1 WHERE date = '2024-02-01'")
    job.extract("--force")
    for rest in ("-wal", "-shm"):
        (job.folder / f"archive.sqlite{rest}").unlink(missing_ok=True)
    shutil.copy(backup, job.folder / "archive.sqlite")

    job.extract()  # the day that is lacking
    found = json.loads(job.monolith("reconcile", "--json", "--repair"))
    assert [each["date"] for each in found["differences"]] == ["2024-02-01"]
    assert {*node.documents("monolith")} == expected(job)
    assert len(expected(job)) == len(job.days) * PER_DAY


def test_a_storage_that_is_lost(job: Job, node: Node):
    """The sources are asked again; of what Elasticsearch has already nothing is written."""
    with Proxy(node.url) as proxy:
        job.configure(elasticsearch=proxy.url)
        job.extract()
        held = node.documents("monolith")
        for file in job.folder.glob("archive.sqlite*"):
            file.unlink()
        proxy.asked.clear()
        job.extract()
        assert proxy.bulks == []
        assert node.documents("monolith") == held
        assert {*held} == expected(job)
        job.monolith("reconcile", "--deep")


def test_two_runs_at_once(job: Job, node: Node):
    """Two hosts with the same cron line: each day is loaded by one of them."""
    job.configure(elasticsearch=node.url)
    job.extract("--sequence", "extract")
    reports = [job.folder / f"{name}.json" for name in "ab"]
    processes = [job.start("--sequence", "load", "--report", str(report)) for report in reports]
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    done = [json.loads(report.read_text(encoding="utf-8"))["counts"]["done"] for report in reports]
    assert sorted(done) == [0, len(job.days)], "whoever has the lease does all of it"
    assert {*node.documents("monolith")} == expected(job)


def test_a_mapping_that_is_changed(job: Job, node: Node):
    """As the documentation says: delete an index, and have it loaded again."""
    job.configure(elasticsearch=node.url)
    job.extract()
    held = node.documents("monolith")
    mapping = job.folder / "mapping.json"
    mapping.write_text(json.dumps({"properties": {"item": {"type": "text"}}}), encoding="utf-8")
    job.configure(elasticsearch={"url": node.url, "mappings": mapping})
    assert "differs from this configuration in template.mappings.properties.item" in job.monolith("check")
    node.ask("DELETE", "/monolith-2024-01")
    job.monolith("reconcile", "--target", "elasticsearch", "--repair")
    assert node.documents("monolith") == held
    kinds = [node.ask("GET", f"/monolith-2024-{month}/_mapping") for month in ("01", "02")]
    properties = [next(iter(each.values()))["mappings"]["properties"]["item"]["type"] for each in kinds]
    assert properties == ["text", "keyword"]
