"""Write the dashboards of the flights, for Kibana and for Grafana: `kibana.ndjson` and `grafana.json`.

    python examples/dashboards.py [FOLDER]

For data of your own change `INDEX`, `PERIOD` and `PANELS`, and import what this writes. Only the standard library is
needed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

INDEX = "flights"
"""The target's `index`: the alias that is asked."""

DATE = "date"
"""The target's `date-field`."""

PERIOD = ("2013-01-01T00:00:00.000Z", "2013-12-31T23:59:59.999Z")
"""What is shown at first."""

TITLE = "Flights from New York"


class Panel(NamedTuple):
    """One chart: of the documents that match `query` (Lucene's syntax), by `interval` or, if that is None, by `split`.

    `metric` is a function of Elasticsearch's and its field, without a field the number of documents.
    """

    title: str
    query: str
    interval: Literal["day", "month"] | None
    split: str | None = None
    metric: tuple[str, str] = ("count", "")
    chart: Literal["bar", "line"] = "bar"


PANELS = [
    Panel("Records per day, by source", "*", "day", "monolith.source"),
    Panel("Flights per day, by airline", "monolith.source:flights", "day", "carrier"),
    Panel("Arrival delay, minutes on average", "monolith.source:flights", "day", None, ("avg", "arr_delay"), "line"),
    Panel("Flights cancelled, per month", "monolith.source:flights AND NOT _exists_:dep_time", "month"),
    Panel("Arrival delay by airline", "monolith.source:flights", None, "carrier", ("avg", "arr_delay")),
    # One measured wind of a thousand miles an hour is left out.
    Panel(
        "Strongest wind, by airport",
        "monolith.source:weather AND wind_speed:<100",
        "day",
        "origin",
        ("max", "wind_speed"),
        "line",
    ),
]

MOST = 10_000
"""Buckets in one answer for Kibana: a year of two dozen lines by day."""


def kibana() -> list[dict[str, Any]]:
    """The saved objects: the data view, a chart for each panel, the dashboard."""
    charts = [_saved("visualization", f"{INDEX}-{number}", _chart(panel)) for number, panel in enumerate(PANELS, 1)]
    view = {"title": INDEX, "name": INDEX, "timeFieldName": DATE}
    references = [
        {"name": f"{number}:panel_{number}", "type": "visualization", "id": chart["id"]}
        for number, chart in enumerate(charts, 1)
    ]
    dashboard = {
        "title": TITLE,
        "description": "",
        "panelsJSON": _text([_place(number) for number in range(1, len(PANELS) + 1)]),
        "optionsJSON": _text({"useMargins": True, "hidePanelTitles": False}),
        "timeRestore": True,
        "timeFrom": PERIOD[0],
        "timeTo": PERIOD[1],
        "version": 1,
        "kibanaSavedObjectMeta": _NO_SEARCH,
    }
    return [
        _saved("index-pattern", INDEX, view),
        *charts,
        {**_saved("dashboard", INDEX, dashboard), "references": references},
    ]


_VERSIONS = {"index-pattern": "8.0.0", "visualization": "8.5.0", "dashboard": "8.9.0"}
"""Of the form of each kind of saved object; a newer Kibana brings them up to its own."""


def _saved(kind: str, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "references": [],
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": _VERSIONS[kind],
        "managed": False,
    }


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


_NO_SEARCH = {"searchSourceJSON": _text({"query": {"query": "", "language": "kuery"}, "filter": []})}


def _place(number: int) -> dict[str, Any]:
    """Two charts side by side, on a grid of 48 columns."""
    row, column = divmod(number - 1, 2)
    return {
        "type": "visualization",
        "gridData": {"x": 24 * column, "y": 15 * row, "w": 24, "h": 15, "i": str(number)},
        "panelIndex": str(number),
        "embeddableConfig": {"enhancements": {}},
        "panelRefName": f"panel_{number}",
    }


def _chart(panel: Panel) -> dict[str, Any]:
    state = {"title": panel.title, "type": "vega", "aggs": [], "params": {"spec": json.dumps(vega(panel), indent=2)}}
    return {
        "title": panel.title,
        "description": "",
        "visState": _text(state),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": _NO_SEARCH,
    }


def vega(panel: Panel) -> dict[str, Any]:
    """A Vega-Lite chart; Kibana puts the time that is shown, and its filters, into the request."""
    function, field = panel.metric
    groups: list[dict[str, Any]] = []
    if panel.interval:
        groups.append({"time": {"date_histogram": {"field": DATE, "calendar_interval": panel.interval}}})
    if panel.split:
        groups.append({"split": {"terms": {"field": panel.split}}})
    rows: dict[str, Any] = {"composite": {"size": MOST, "sources": groups}}
    if field:
        rows["aggs"] = {"metric": {function: {"field": field}}}
    matching = {"query_string": {"query": panel.query, "analyze_wildcard": True}}
    body = {"size": 0, "aggs": {"matching": {"filter": matching, "aggs": {"rows": rows}}}}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {
            "url": {"index": INDEX, "%context%": True, "%timefield%": DATE, "body": body},
            "format": {"property": "aggregations.matching.rows.buckets"},
        },
        "mark": {"type": panel.chart, "tooltip": True},
        "encoding": _encoding(panel),
    }


def _encoding(panel: Panel) -> dict[str, Any]:
    function, field = panel.metric
    value = {
        "field": "metric.value" if field else "doc_count",
        "type": "quantitative",
        "axis": {"title": f"{function} {field}".strip()},
    }
    split = {"field": "key.split", "type": "nominal", "title": panel.split}
    if panel.interval is None:
        return {"y": {**split, "sort": "-x"}, "x": value}
    unit = "utcyearmonth" if panel.interval == "month" else "utcyearmonthdate"
    time = {"field": "key.time", "type": "temporal", "timeUnit": unit, "axis": {"title": None}}
    return {"x": time, "y": value} | ({"color": split} if panel.split else {})


_SOURCE = {"type": "elasticsearch", "uid": "${DS_ELASTICSEARCH}"}


def grafana() -> dict[str, Any]:
    """The dashboard; the data source is chosen when it is imported."""
    return {
        "__inputs": [
            {
                "name": "DS_ELASTICSEARCH",
                "label": "Elasticsearch",
                "description": f"index name {INDEX}, time field {DATE}",
                "type": "datasource",
                "pluginId": "elasticsearch",
                "pluginName": "Elasticsearch",
            }
        ],
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.0.0"},
            {"type": "datasource", "id": "elasticsearch", "name": "Elasticsearch", "version": "1.0.0"},
        ],
        "uid": f"monolith-{INDEX}",
        "title": TITLE,
        "tags": ["monolith"],
        "timezone": "utc",  # a day is a date without a time
        "time": {"from": PERIOD[0], "to": PERIOD[1]},
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "panels": [_grafana_panel(number, panel) for number, panel in enumerate(PANELS, 1)],
    }


def _grafana_panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number - 1, 2)
    kind = "timeseries" if panel.interval else "barchart"
    look = {
        "drawStyle": "bars" if panel.chart == "bar" else "line",
        "fillOpacity": 70 if panel.chart == "bar" else 0,
        "stacking": {"mode": "normal" if panel.chart == "bar" else "none", "group": "A"},
    }
    return {
        "id": number,
        "title": panel.title,
        "type": kind,
        "datasource": _SOURCE,
        "gridPos": {"x": 12 * column, "y": 8 * row, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"custom": look if panel.interval else {}}, "overrides": []},
        "options": {} if panel.interval else {"orientation": "horizontal"},
        "targets": [_target(panel)],
    }


def _target(panel: Panel) -> dict[str, Any]:
    function, field = panel.metric
    groups: list[dict[str, Any]] = []
    if panel.split:
        settings = {"size": "25", "order": "desc", "orderBy": "_count", "min_doc_count": "1"}
        groups.append({"id": "2", "type": "terms", "field": panel.split, "settings": settings})
    if panel.interval:
        settings = {"interval": "1M" if panel.interval == "month" else "1d", "min_doc_count": "0", "timeZone": "utc"}
        groups.append({"id": "3", "type": "date_histogram", "field": DATE, "settings": settings})
    metric = {"id": "1", "type": function} | ({"field": field} if field else {})
    return {
        "refId": "A",
        "datasource": _SOURCE,
        "timeField": DATE,
        "query": panel.query,
        "metrics": [metric],
        "bucketAggs": groups,
    }


def main(folder: str = str(Path(__file__).parent)) -> None:
    """Write both files."""
    lines = [json.dumps(each) for each in kibana()]
    (Path(folder) / "kibana.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (Path(folder) / "grafana.json").write_text(json.dumps(grafana(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
