"""The loop that one would write by hand, as fast as it gets in a page: what monolith is measured against.

    loop.py archive SOURCE TARGET FIRST LAST    read, encode, compute ids, write: a transaction a day
    loop.py identify SOURCE FIRST LAST          only read, encode and compute ids
    loop.py encode SOURCE FIRST LAST            only read and encode
    loop.py files TARGET FILE ...               the first, of CSV files, whose first column is the day
    loop.py plain TARGET FILE ...               the same as it is usually written, with `csv.DictReader` and `json`

SOURCE and TARGET are mysql://user:password@host:port/database or sqlite:FILE. It writes the same table `record` as
monolith, down to the ids, so that both archives can be compared.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

SOURCE, CATEGORY = "flights", "flight"
TEXTS = {"carrier", "tailnum", "origin", "dest", "time_hour"}
COLUMNS = "date, source, id, category, data"
ORDINARY = "date DATE NOT NULL, source VARCHAR(64) NOT NULL, id BINARY(16) NOT NULL, category VARCHAR(255) NOT NULL"
TABLES = {
    "?": "CREATE TABLE IF NOT EXISTS record (date TEXT, source TEXT, id BLOB, category TEXT, data TEXT,"
    " PRIMARY KEY (date, source, id)) WITHOUT ROWID",
    "%s": f"CREATE TABLE IF NOT EXISTS record ({ORDINARY}, data LONGTEXT NOT NULL, PRIMARY KEY (date, source, id))"
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
}

encode = msgspec.json.Encoder(order="sorted").encode


def connect(url: str) -> tuple[Any, str]:
    """A connection, and how its driver marks a parameter."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(url.removeprefix("sqlite:"))
        connection.execute("PRAGMA journal_mode = WAL")
        return connection, "?"
    import pymysql

    where = urlsplit(url)
    return pymysql.connect(
        host=where.hostname or "",
        port=where.port or 3306,
        user=where.username,
        password=unquote(where.password or ""),
        database=where.path[1:],
        charset="utf8mb4",
    ), "%s"


def days(first: str, last: str) -> Iterator[str]:
    day = dt.date.fromisoformat(first)
    while day <= dt.date.fromisoformat(last):
        yield day.isoformat()
        day += dt.timedelta(days=1)


def records(cursor: Any, mark: str, day: str) -> Iterator[bytes]:
    """The canonical JSON of each flight of a day; the table's first column is the date."""
    cursor.execute(f"SELECT * FROM flights WHERE date = {mark}", (day,))
    names = [column[0] for column in cursor.description][1:]
    for row in cursor.fetchall():
        yield encode(dict(zip(names, row[1:], strict=True)))


def rows(day: str, found: Iterator[bytes]) -> Iterator[tuple[str, str, bytes, str, str]]:
    """What is written for each; equal records of a day are told apart by n."""
    seen: dict[bytes, int] = {}
    first = encode([SOURCE, day, CATEGORY, 0]) + b"\n"
    for data in found:
        n = seen.get(data, -1) + 1
        seen[data] = n
        header = encode([SOURCE, day, CATEGORY, n]) + b"\n" if n else first
        yield day, SOURCE, blake2b(header + data, digest_size=16).digest(), CATEGORY, data.decode()


def read_usually(file: str) -> dict[str, list[bytes]]:
    """`exported`, by nothing but Python's own library."""
    days: dict[str, list[bytes]] = defaultdict(list)
    with Path(file).open(newline="") as lines:
        for row in csv.DictReader(lines):
            day = row.pop("date")
            data = {name: text(value) if name in TEXTS else integer(value) for name, value in row.items()}
            days[day].append(json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    return days


def exported(file: str) -> dict[str, list[bytes]]:
    """The canonical JSON of each flight in a CSV file, by its day."""
    days: dict[str, list[bytes]] = defaultdict(list)
    with Path(file).open(newline="") as lines:
        reader = csv.reader(lines)
        kinds = [(name, text if name in TEXTS else integer) for name in next(reader)[1:]]
        for row in reader:
            days[row[0]].append(encode({name: kind(value) for (name, kind), value in zip(kinds, row[1:], strict=True)}))
    return days


def text(value: str) -> str | None:
    return value or None


def integer(value: str) -> int | None:
    return int(value) if value else None


def archive_files(read: Callable[[str], dict[str, list[bytes]]], target: str, *files: str) -> None:
    writer, place = connect(target)
    write = writer.cursor()
    write.execute(TABLES[place])
    for file in files:
        for day, found in read(file).items():
            replace(write, place, day, iter(found))
            writer.commit()


def replace(write: Any, place: str, day: str, found: Iterator[bytes]) -> None:
    write.execute(f"DELETE FROM record WHERE date = {place} AND source = {place}", (day, SOURCE))
    write.executemany(f"INSERT INTO record ({COLUMNS}) VALUES ({', '.join([place] * 5)})", list(rows(day, found)))


def archive(source: str, target: str, first: str, last: str) -> None:
    reader, mark = connect(source)
    writer, place = connect(target)
    read, write = reader.cursor(), writer.cursor()
    write.execute(TABLES[place])
    for day in days(first, last):
        replace(write, place, day, records(read, mark, day))
        writer.commit()


def identify(source: str, first: str, last: str) -> None:
    reader, mark = connect(source)
    read = reader.cursor()
    for day in days(first, last):
        list(rows(day, records(read, mark, day)))


def only_encode(source: str, first: str, last: str) -> None:
    reader, mark = connect(source)
    read = reader.cursor()
    for day in days(first, last):
        list(records(read, mark, day))


if __name__ == "__main__":
    if sys.argv[1] == "archive":
        archive(*sys.argv[2:])
    elif sys.argv[1] == "files":
        archive_files(exported, *sys.argv[2:])
    elif sys.argv[1] == "plain":
        archive_files(read_usually, *sys.argv[2:])
    elif sys.argv[1] == "identify":
        identify(*sys.argv[2:])
    else:
        only_encode(*sys.argv[2:])
