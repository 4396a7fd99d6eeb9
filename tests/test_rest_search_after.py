"""A real service that wants its cursor in the body: Elasticsearch's search_after, asked by the example of it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.elasticsearch_node import Node

from monolith_core.cli.extract import main

pytestmark = pytest.mark.server

EXAMPLE = Path(__file__).parent.parent / "examples" / "search-after.ini"


def test_the_events_of_an_index_are_archived(node: Node, tmp_path: Path) -> None:
    mappings = {"properties": {"time": {"type": "date"}, "event": {"type": "keyword"}}}
    node.ask("PUT", "/log", {"mappings": mappings})
    events = [{"time": f"2024-01-0{1 + n % 3}T{n % 24:02}:00:00Z", "event": f"e{n:03}", "n": n} for n in range(100)]
    lines = [line for event in events for line in ({"index": {}}, event)]
    node.ask("POST", "/log/_bulk?refresh=true", "".join(f"{json.dumps(line)}\n" for line in lines).encode())
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "http://localhost:9200" in text
    text = text.replace("http://localhost:9200", node.url).replace("page-size = 1000", "page-size = 7")
    (tmp_path / "monolith.ini").write_text(text, encoding="utf-8")

    days = ["--start-date", "2024-01-01", "--end-date", "2024-01-03"]
    done = CliRunner().invoke(main, [str(tmp_path / "monolith.ini"), *days])
    assert done.exit_code == 0, done.output
    with sqlite3.connect(tmp_path / "archive.sqlite") as archive:
        kept = [json.loads(data) for (data,) in archive.execute("select data from record")]
    assert sorted(kept, key=lambda event: event["n"]) == events
