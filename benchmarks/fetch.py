"""Bare httpx plus writing: what one would write by hand to archive the flights of `pages.py`.

    fetch.py URL TARGET

The pages are read one after the other by their `next`; then each day is written in a transaction, as `loop.py` does it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import httpx
import msgspec
from loop import COLUMNS, TABLES, connect, encode, rows


def pages(url: str) -> dict[str, list[Any]]:
    """The flights of each day."""
    found: dict[str, list[Any]] = defaultdict(list)
    with httpx.Client() as client:
        following: str | None = url
        while following:
            answer = client.get(following)
            answer.raise_for_status()
            page = msgspec.json.decode(answer.content)
            for flight in page["results"]:
                found[flight["date"]].append(flight)
            following = page["next"]
    return found


def write(found: dict[str, list[Any]], target: str) -> None:
    writer, place = connect(target)
    cursor = writer.cursor()
    cursor.execute(TABLES[place])
    for day, flights in found.items():
        cursor.execute(f"DELETE FROM record WHERE date = {place}", (day,))
        cursor.executemany(
            f"INSERT INTO record ({COLUMNS}) VALUES ({', '.join([place] * 5)})",
            list(rows(day, map(encode, flights))),
        )
        writer.commit()


if __name__ == "__main__":
    write(pages(sys.argv[1]), sys.argv[2])
