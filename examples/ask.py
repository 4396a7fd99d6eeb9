"""Run the queries of a file on an SQLite archive, and print each with its answer.

    python examples/ask.py archive.sqlite flights.sql

A query is what stands between two semicolons; the comment above it is its title.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table


def questions(text: str) -> list[tuple[str, str]]:
    """The title and the query of each question in `text`."""
    parts = [part.strip() for part in text.split(";")]
    return [(title.removeprefix("-- "), query) for part in parts if part for title, _, query in [part.partition("\n")]]


def answer(connection: sqlite3.Connection, query: str) -> Table:
    """The rows of `query` as a table: text to the left, numbers to the right."""
    cursor = connection.execute(query)
    rows = cursor.fetchall()
    table = Table(box=box.SIMPLE_HEAD)
    for column, first in zip(cursor.description, rows[0] if rows else cursor.description, strict=True):
        table.add_column(column[0], justify="left" if isinstance(first, str) else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row))
    return table


def main(database: str, file: str) -> None:
    """Ask `database`, which is opened for reading only, every question of `file`."""
    console = Console()
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        for title, query in questions(Path(file).read_text(encoding="utf-8")):
            console.print(f"\n[bold]{title}[/bold]")
            console.print(query, style="dim", markup=False, highlight=False, soft_wrap=True)
            console.print(answer(connection, query))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
