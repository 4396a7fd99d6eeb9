"""Whole runs: from a database through the archive into Elasticsearch, and what a second run does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.elasticsearch_node import Node
from support.es_proxy import Proxy
from support.servers import free_port

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith

pytestmark = pytest.mark.server

CONFIGURATION = """
[monolith]
database = sqlite:///archive.sqlite
sequence = extract, load
since = 2024-01-30
until = 2024-02-02
retries = 0
[phase:extract]
sources = shop
targets = sql
[phase:load]
sources = sql
targets = {targets}
[source:shop]
use = sql
database = sqlite:///shop.sqlite
query = SELECT * FROM orders WHERE date >= :start_date AND date < :next_date
category = order
"""

TARGET = """
[target:{name}]
use = elasticsearch
url = {url}
replicas = 0
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder with a shop of four days."""
    monkeypatch.chdir(tmp_path)
    sell("CREATE TABLE orders (date DATE, item TEXT, price REAL)")
    for day in ("2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"):
        numbers = "WITH RECURSIVE n(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM n WHERE n < 49)"
        sell(f"{numbers} INSERT INTO orders SELECT ?, 'item ' || n, n / 4.0 FROM n", day)

    def run(command: Any, *arguments: str, expect: int = 0) -> Result:
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == expect, result.output
        return result

    return run


def sell(sql: str, *values: Any) -> None:
    with closing(sqlite3.connect("shop.sqlite")) as connection, connection:
        connection.execute(sql, values)


def configure(**urls: str) -> None:
    sections = "".join(TARGET.format(name=name, url=url) for name, url in urls.items())
    text = CONFIGURATION.format(targets=", ".join(urls)) + "[source:sql]\n[target:sql]\n" + sections
    Path("monolith.ini").write_text(text, encoding="utf-8")


def counts(node: Node) -> dict[str, int]:
    """Documents by day."""
    node.ask("POST", "/monolith/_refresh")
    aggs = {"days": {"terms": {"field": "date", "format": "yyyy-MM-dd"}}}
    found = node.ask("POST", "/monolith/_search", {"size": 0, "aggs": aggs})
    return {bucket["key_as_string"]: bucket["doc_count"] for bucket in found["aggregations"]["days"]["buckets"]}


def test_the_archive_is_loaded_and_then_there_is_nothing_to_do(run: Run, node: Node):
    with Proxy(node.url) as proxy:
        configure(elasticsearch=proxy.url)
        run(extract, "monolith.ini")
        days = {"2024-01-30": 50, "2024-01-31": 50, "2024-02-01": 50, "2024-02-02": 50}
        assert counts(node) == days
        proxy.asked.clear()
        run(extract, "monolith.ini")
        assert proxy.asked == [], "a run with nothing to do asks the cluster nothing"
        sell("INSERT INTO orders VALUES ('2024-02-01', 'one more', 1)")
        run(extract, "monolith.ini", "--force", "--date", "2024-02-01")
        (bulk,) = proxy.bulks
        assert bulk.body.count(b"\n") == 2
        assert counts(node) == {**days, "2024-02-01": 51}


def test_what_drifted_is_found_and_repaired(run: Run, node: Node):
    configure(elasticsearch=node.url)
    run(extract, "monolith.ini")
    held = node.documents("monolith")
    run(monolith, "reconcile", "monolith.ini", "--deep")
    gone, changed, *_ = held
    node.ask("DELETE", f"/{index_of(gone)}/_doc/{gone}")
    node.ask("PUT", f"/{index_of(changed)}/_doc/{changed}", {**held[changed], "price": -1})
    node.ask("PUT", "/monolith-2024-02/_doc/mine", next(each for each in held.values() if each["date"] > "2024-02"))
    run(monolith, "reconcile", "monolith.ini", "--deep", expect=1)
    run(monolith, "reconcile", "monolith.ini", "--deep", "--repair")
    run(monolith, "reconcile", "monolith.ini", "--deep")
    assert node.documents("monolith") == held


def test_an_index_that_is_gone_is_loaded_again(run: Run, node: Node):
    configure(elasticsearch=node.url)
    run(extract, "monolith.ini")
    held = node.documents("monolith")
    node.ask("DELETE", "/monolith-2024-02")
    run(monolith, "reconcile", "monolith.ini", "--repair")
    assert node.documents("monolith") == held


def index_of(name: str) -> str:
    return f"monolith-{name[:4]}-{name[4:6]}"


def test_a_cluster_that_is_down_holds_up_no_other(run: Run, node: Node):
    configure(elasticsearch=node.url, second=f"http://127.0.0.1:{free_port()}")
    result = run(extract, "monolith.ini", expect=1)
    assert "no connection to Elasticsearch" in result.output
    assert sum(counts(node).values()) == 200


def test_the_check_command(run: Run, node: Node):
    configure(elasticsearch=node.url)
    run(extract, "monolith.ini")
    expected = f"Elasticsearch {node.version}, template version 1, 2 indices under the alias monolith"
    assert expected in run(monolith, "check", "monolith.ini").output
