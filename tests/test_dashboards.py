"""A month of the demo in Elasticsearch: the demo's comparison, and what the dashboards would show of it.

Kibana and Grafana are not here. Each chart's request is made of the importable files as these programs make it, and
its answer is compared with the archive's own.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import itertools
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from support.elasticsearch_node import OLDEST, Node
from support.flights import ROOT, operations, run

pytestmark = pytest.mark.server

EXAMPLES = ROOT / "examples"
KIBANA = [json.loads(line) for line in (EXAMPLES / "kibana.ndjson").read_text(encoding="utf-8").splitlines()]
GRAFANA = json.loads((EXAMPLES / "grafana.json").read_text(encoding="utf-8"))
FIRST, LAST = "2013-02-01", "2013-02-28"

Rows = set[tuple[str, str, float]]
"""What a chart shows: a day or a month, a line's name, a value; without a time or a line the text is empty."""

FLIGHTS = "source = 'flights'"
VALUE = "json_extract(data, '$.{}')"

ARCHIVE = {
    "Records per day, by source": "SELECT date, source, count(*) FROM record GROUP BY 1, 2",
    "Flights per day, by airline": f"SELECT date, {VALUE.format('carrier')}, count(*) FROM record "
    f"WHERE {FLIGHTS} GROUP BY 1, 2",
    "Arrival delay, minutes on average": f"SELECT date, '', avg({VALUE.format('arr_delay')}) FROM record "
    f"WHERE {FLIGHTS} GROUP BY 1",
    "Flights cancelled, per month": f"SELECT substr(date, 1, 7), '', count(*) FROM record "
    f"WHERE {FLIGHTS} AND {VALUE.format('dep_time')} IS NULL GROUP BY 1",
    "Arrival delay by airline": f"SELECT '', {VALUE.format('carrier')}, avg({VALUE.format('arr_delay')}) FROM record "
    f"WHERE {FLIGHTS} GROUP BY 2",
    "Strongest wind, by airport": f"SELECT date, {VALUE.format('origin')}, max({VALUE.format('wind_speed')}) "
    f"FROM record WHERE source = 'weather' AND {VALUE.format('wind_speed')} < 100 GROUP BY 1, 2",
}


class Loaded(NamedTuple):
    """The folder of an archive, and the node that it was loaded into."""

    folder: Path
    node: Node


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, node_of: Callable[[str], Node]) -> Loaded:
    folder, node = tmp_path_factory.mktemp("flights"), node_of(OLDEST)
    node.forget()
    text = (EXAMPLES / "flights-elasticsearch.ini").read_text(encoding="utf-8")
    text = text.replace("%(here)s/data/operations.sqlite", str(operations())).replace("data/archive", "archive")
    text = text.replace("data/weather", str(operations().parent / "weather"))
    (folder / "flights.ini").write_text(text.replace("${ELASTICSEARCH_URL}", node.url), encoding="utf-8")
    run("monolith-extract", "flights.ini", "--start-date", FIRST, "--end-date", LAST, cwd=folder)
    return Loaded(folder, node)


def archived(loaded: Loaded, title: str) -> Rows:
    with closing(sqlite3.connect(loaded.folder / "archive.sqlite")) as connection:
        return {(time, split, round(value, 6)) for time, split, value in connection.execute(ARCHIVE[title])}


def ask(loaded: Loaded, body: Any) -> Any:
    return loaded.node.ask("POST", "/flights/_search", body)["aggregations"]


def vega_charts() -> Iterator[tuple[str, dict[str, Any]]]:
    for each in KIBANA:
        if each["type"] == "visualization":
            state = json.loads(each["attributes"]["visState"])
            yield state["title"], json.loads(state["params"]["spec"])


SPECS = dict(vega_charts())
PANELS = {panel["title"]: panel for panel in GRAFANA["panels"]}


def test_both_show_the_same_charts():
    assert set(SPECS) == set(PANELS) == set(ARCHIVE)


@pytest.mark.parametrize("title", SPECS)
def test_a_chart_in_kibana(loaded: Loaded, title: str):
    """`%context%` stands for the time that is shown, in the field `%timefield%`."""
    spec = SPECS[title]
    url = spec["data"]["url"]
    assert (url["index"], url["%context%"]) == ("flights", True)
    assert "query" not in url["body"], "Kibana refuses a query of one's own beside the context"
    answer: Any = {"aggregations": ask(loaded, {**url["body"], "query": between(url["%timefield%"])})}
    for name in spec["data"]["format"]["property"].split("."):
        answer = answer[name]
    assert shown(spec, answer) == archived(loaded, title)


def between(field: str) -> dict[str, Any]:
    return {"range": {field: {"gte": FIRST, "lte": LAST}}}


def shown(spec: dict[str, Any], rows: list[dict[str, Any]]) -> Rows:
    """What the chart's channels take from the rows."""
    channels = {channel["field"]: channel for channel in spec["encoding"].values()}
    (value,) = channels.keys() - {"key.time", "key.split"}
    length = {"utcyearmonth": 7, "utcyearmonthdate": 10}
    found = set()
    for row in rows:
        time = day(row["key"]["time"])[: length[channels["key.time"]["timeUnit"]]] if "key.time" in channels else ""
        split = row["key"]["split"] if "key.split" in channels else ""
        found.add((time, split, round(within(row, value), 6)))
    assert len(found) == len(rows)
    return found


def within(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row[name]
    return row


def day(milliseconds: int) -> str:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).date().isoformat()


@pytest.mark.parametrize("title", PANELS)
def test_a_chart_in_grafana(loaded: Loaded, title: str):
    """The request is built as Grafana's data source for Elasticsearch does it: the groups one within the other."""
    (target,) = PANELS[title]["targets"]
    groups, (metric,) = target["bucketAggs"], target["metrics"]
    aggs: dict[str, Any] = {}
    if metric["type"] != "count":
        aggs = {metric["id"]: {metric["type"]: {"field": metric["field"]}}}
    for group in reversed(groups):
        aggs = {group["id"]: {**bucket(group), "aggs": aggs}}
    query = {"query_string": {"query": target["query"], "analyze_wildcard": True}}
    body = {"size": 0, "query": {"bool": {"filter": [between(target["timeField"]), query]}}, "aggs": aggs}
    rows = flat(ask(loaded, body), groups, metric)
    assert len(set(rows)) == len(rows)
    assert set(rows) == archived(loaded, title)


def bucket(group: dict[str, Any]) -> dict[str, Any]:
    settings = group["settings"]
    if group["type"] == "terms":
        order = {settings["orderBy"]: settings["order"]}
        return {"terms": {"field": group["field"], "size": int(settings["size"]), "order": order}}
    interval = "calendar_interval" if settings["interval"] in ("1w", "1M", "1q", "1y") else "fixed_interval"
    format = "yyyy-MM" if settings["interval"] == "1M" else "yyyy-MM-dd"
    return {"date_histogram": {"field": group["field"], interval: settings["interval"], "format": format}}


def flat(answer: Any, groups: list[dict[str, Any]], metric: dict[str, Any]) -> list[tuple[str, str, float]]:
    """The rows of nested groups; a day on which a line has nothing is a gap."""
    rows = []
    for path in paths(answer, [group["id"] for group in groups]):
        named = dict(zip([group["type"] for group in groups], path, strict=True))
        last = path[-1]
        value = last["doc_count"] if metric["type"] == "count" else last[metric["id"]]["value"]
        if last["doc_count"]:
            time = named["date_histogram"]["key_as_string"] if "date_histogram" in named else ""
            rows.append((time, named["terms"]["key"] if "terms" in named else "", round(value, 6)))
    return rows


def paths(answer: Any, ids: list[str]) -> Iterator[tuple[Any, ...]]:
    for each in answer[ids[0]]["buckets"]:
        yield from ((each, *rest) for rest in paths(each, ids[1:])) if ids[1:] else [(each,)]


def test_what_kibana_needs_to_import_it():
    kinds = Counter(each["type"] for each in KIBANA)
    assert kinds == {"index-pattern": 1, "visualization": len(ARCHIVE), "dashboard": 1}
    known = {(each["type"], each["id"]) for each in KIBANA}
    assert len(known) == len(KIBANA)
    for each in KIBANA:
        assert {(reference["type"], reference["id"]) for reference in each["references"]} <= known
        assert {"coreMigrationVersion", "typeMigrationVersion"} <= each.keys()
    dashboard = KIBANA[-1]
    panels = json.loads(dashboard["attributes"]["panelsJSON"])
    names = {f"{panel['panelIndex']}:{panel['panelRefName']}" for panel in panels}
    assert names == {reference["name"] for reference in dashboard["references"]}
    no_overlap([panel["gridData"] for panel in panels], 48)


def test_what_grafana_needs_to_import_it():
    (given,) = GRAFANA["__inputs"]
    assert given["pluginId"] in {each["id"] for each in GRAFANA["__requires"]}
    assert len({panel["id"] for panel in GRAFANA["panels"]}) == len(ARCHIVE)
    for panel in GRAFANA["panels"]:
        for each in (panel, *panel["targets"]):
            assert each["datasource"] == {"type": "elasticsearch", "uid": f"${{{given['name']}}}"}
    no_overlap([panel["gridPos"] for panel in GRAFANA["panels"]], 24)


def no_overlap(places: list[dict[str, int]], width: int) -> None:
    for place in places:
        assert 0 <= place["x"] <= place["x"] + place["w"] <= width
    for one, other in itertools.combinations(places, 2):
        apart = [
            one[at] + one[size] <= other[at] or other[at] + other[size] <= one[at]
            for at, size in (("x", "w"), ("y", "h"))
        ]
        assert any(apart)


@pytest.fixture
def dashboards() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboards", EXAMPLES / "dashboards.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_those_that_the_program_writes(dashboards: ModuleType, tmp_path: Path):
    dashboards.main(str(tmp_path))
    for name in ("kibana.ndjson", "grafana.json"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_elasticsearch_answers_as_the_archive_does(loaded: Loaded):
    """The demo's comparison, which also finds a difference."""
    compare = (sys.executable, EXAMPLES / "compare.py", "archive.sqlite", loaded.node.url, "flights")
    assert run(*compare, cwd=loaded.folder).count("The archive gives the same answer.") == 3
    (hit,) = loaded.node.ask("POST", "/flights/_search", {"size": 1, "query": {"term": {"carrier": "UA"}}})["hits"][
        "hits"
    ]
    place = f"/{hit['_index']}/_doc/{hit['_id']}?refresh=true"
    loaded.node.ask("DELETE", place)
    try:
        assert run(*compare, cwd=loaded.folder, expect=1).count("The archive gives another answer:") == 2
    finally:
        loaded.node.ask("PUT", place, hit["_source"])
