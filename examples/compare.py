"""Ask an archive and the Elasticsearch that was loaded from it the same questions, and compare the answers.

    python examples/compare.py archive.sqlite http://localhost:9200 flights

The archive is an SQLite file; the last argument is the target's `index`. The exit status is 1 if an answer differs.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from elasticsearch import Elasticsearch
from rich import box
from rich.console import Console
from rich.table import Table

Row = tuple[str | int | float | None, ...]


class Question(NamedTuple):
    """A question, for SQL and for Elasticsearch; `groups` is an aggregation with the fields of the SQL's rows."""

    title: str
    sql: str
    query: dict[str, Any]
    groups: dict[str, Any]


QUESTIONS = [
    Question(
        "Which airlines fly most, and how late are they on average?",
        """
        SELECT json_extract(data, '$.carrier') AS airline, count(*) AS flights,
               avg(json_extract(data, '$.arr_delay')) AS delay
        FROM record WHERE source = 'flights' GROUP BY airline ORDER BY flights DESC LIMIT 5
        """,
        {"term": {"monolith.source": "flights"}},
        {"terms": {"field": "carrier", "size": 5}, "aggs": {"delay": {"avg": {"field": "arr_delay"}}}},
    ),
    Question(
        "How many flights were there in each month, how many were cancelled, and how far did they go?",
        """
        SELECT substr(date, 1, 7) AS month, count(*) AS flights,
               sum(json_extract(data, '$.dep_time') IS NULL) AS cancelled,
               sum(json_extract(data, '$.distance')) AS miles
        FROM record WHERE source = 'flights' GROUP BY month ORDER BY month
        """,
        {"term": {"monolith.source": "flights"}},
        {
            "date_histogram": {"field": "date", "calendar_interval": "month", "format": "yyyy-MM"},
            "aggs": {"cancelled": {"missing": {"field": "dep_time"}}, "miles": {"sum": {"field": "distance"}}},
        },
    ),
    Question(
        "Which days were the windiest at Kennedy airport?",
        """
        SELECT date, count(*) AS hours, max(json_extract(data, '$.wind_speed')) AS wind
        FROM record WHERE source = 'weather' AND json_extract(data, '$.origin') = 'JFK'
        GROUP BY date ORDER BY wind DESC, date LIMIT 5
        """,
        {"bool": {"filter": [{"term": {"monolith.source": "weather"}}, {"term": {"origin": "JFK"}}]}},
        {
            "terms": {"field": "date", "format": "yyyy-MM-dd", "size": 5, "order": [{"wind": "desc"}, {"_key": "asc"}]},
            "aggs": {"wind": {"max": {"field": "wind_speed"}}},
        },
    ),
]


def archived(connection: sqlite3.Connection, question: Question) -> tuple[list[str], list[Row]]:
    """The names of the columns, and the archive's rows."""
    cursor = connection.execute(question.sql)
    return [column[0] for column in cursor.description], cursor.fetchall()


def searched(client: Elasticsearch, index: str, question: Question) -> list[Row]:
    """Elasticsearch's buckets as rows: the key, the number of documents, and what is asked of each."""
    answer = client.search(index=index, size=0, query=question.query, aggs={"groups": question.groups})
    return [
        (
            bucket.get("key_as_string", bucket["key"]),
            bucket["doc_count"],
            *(bucket[name].get("value", bucket[name].get("doc_count")) for name in question.groups["aggs"]),
        )
        for bucket in answer["aggregations"]["groups"]["buckets"]
    ]


def same(one: list[Row], other: list[Row]) -> bool:
    """Whether two answers are equal, but for the rounding of sums that are added in another order."""
    return len(one) == len(other) and all(
        len(left) == len(right) and all(map(_equal, left, right)) for left, right in zip(one, other, strict=True)
    )


def _equal(one: object, other: object) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other


def table(columns: list[str], rows: list[Row]) -> Table:
    """Rows to look at."""
    shown = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in rows:
        shown.add_row(*(f"{value:,.10g}" if isinstance(value, int | float) else str(value) for value in row))
    return shown


def main(archive: str, url: str, index: str) -> bool:
    """Ask both every question; whether all answers are the same."""
    console, differing = Console(), 0
    uri = f"{Path(archive).resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection, Elasticsearch(url) as client:
        for question in QUESTIONS:
            columns, expected = archived(connection, question)
            rows = searched(client, index, question)
            console.print(f"\n[bold]{question.title}[/bold]", table(columns, rows))
            if same(rows, expected):
                console.print("The archive gives the same answer.")
            else:
                differing += 1
                console.print("[bold red]The archive gives another answer:[/bold red]", table(columns, expected))
    return not differing


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    raise SystemExit(0 if main(*sys.argv[1:]) else 1)
