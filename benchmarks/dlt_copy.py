"""dlt's side: the table as plain rows, read with pyarrow and written by its `sqlalchemy` destination.

dlt_copy.py SOURCE TARGET DATASET [DAY]      SQLAlchemy URLs; with a day, only that day is replaced

It computes neither JSON nor ids. Without a day it replaces the table; a day is merged, by deleting and inserting its
rows.
"""

from __future__ import annotations

import sys
from typing import Any

import dlt
from dlt.destinations import sqlalchemy
from dlt.sources.sql_database import sql_table


def main(source: str, target: str, dataset: str, day: str | None = None) -> None:
    def only(query: Any, table: Any) -> Any:
        return query.where(table.c.date == day) if day else query

    flights = sql_table(source, table="flights", backend="pyarrow", chunk_size=50_000, query_adapter_callback=only)
    pipeline = dlt.pipeline("benchmark", destination=sqlalchemy(target), dataset_name=dataset)
    if day:
        flights.apply_hints(merge_key="date")
    pipeline.run(flights, write_disposition="merge" if day else "replace")


if __name__ == "__main__":
    main(*sys.argv[1:])
