"""The databases of a benchmark: where they are in each tool's words, and making them anew."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent
YEAR = ROOT / ".cache/benchmarks/year.sqlite"
OPERATIONS = "operations"
sys.path += [str(ROOT / "tests"), str(ROOT / "examples")]

from support.servers import MariaDB  # noqa: E402 - the tests' private server

MEASURED_LATER = "innodb-flush-log-at-trx-commit", "innodb-doublewrite", "innodb-use-native-aio"
"""What the tests turn off to be quick; a benchmark keeps the server's defaults, as it keeps its sizes."""


@dataclass(frozen=True)
class Where:
    """One database: `url` is SQLAlchemy's, `plain` the loop's, `sling` sling's; `schema` is what holds its tables."""

    url: str
    plain: str
    sling: str
    schema: str


class Databases(Protocol):
    """Databases of one kind, by name."""

    kind: str
    version: str

    def where(self, name: str) -> Where:
        """The database of that name."""
        ...

    def make(self, name: str) -> Where:
        """An empty one, whatever was there."""
        ...

    def execute(self, name: str, sql: str) -> Any:
        """Execute statements, divided by semicolons; the first value of the last one's first row."""
        ...


def insert(definition: str, mark: str) -> str:
    """The INSERT of one row into the table that `definition` creates."""
    return f"INSERT INTO {definition.split()[2]} VALUES ({', '.join([mark] * (definition.count(',') + 1))})"


class Sqlite:
    """Files in a folder."""

    kind = "SQLite"
    version = f"SQLite {sqlite3.sqlite_version}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite"

    def where(self, name: str) -> Where:
        file = self.file(name)
        return Where(f"sqlite:///{file}", f"sqlite:{file}", f"sqlite://{file}", "main")

    def make(self, name: str) -> Where:
        for file in self._folder.glob(f"{name}*.sqlite*"):  # dlt puts its tables into files beside
            file.unlink()
        return self.where(name)

    def execute(self, name: str, sql: str) -> Any:
        with closing(sqlite3.connect(self.file(name), isolation_level=None)) as connection:
            # Only those that are named: dlt leaves more files than SQLite attaches.
            for other in self._folder.glob("*.sqlite"):
                if f"{other.stem}." in sql:
                    connection.execute(f"ATTACH '{other}' AS {other.stem}")
            for statement in sql.split(";"):
                row = connection.execute(statement).fetchone()
        return row and row[0]


class OrdinaryMariaDB(MariaDB):
    """The tests' server with MariaDB's own defaults for what decides about speed."""

    def command(self) -> list[str]:
        sizes = ("innodb-buffer-pool-size", "innodb-log-file-size", "key-buffer-size", "aria-pagecache-buffer-size")
        unwanted = tuple(f"--{name}" for name in (*MEASURED_LATER, *sizes))
        return [word for word in super().command() if not word.startswith(unwanted)]


class Maria:
    """Databases of one server."""

    kind = "MariaDB"

    def __init__(self, server: MariaDB) -> None:
        self._server = server
        self.version = f"MariaDB {server.admin('SELECT VERSION()')[0][0].partition('-')[0]}"

    def where(self, name: str) -> Where:
        url = self._server.url_of(name)
        plain = url.replace("+pymysql", "")
        return Where(url, plain, plain, name)

    def make(self, name: str) -> Where:
        for each in (name, f"{name}_staging"):  # dlt merges by way of a second one
            self._server.admin(f"DROP DATABASE IF EXISTS `{each}`")
            self._server.create_database(each)
        return self.where(name)

    def execute(self, name: str, sql: str) -> Any:
        connection = self._server.connect(name)
        with closing(connection), connection.cursor() as cursor:
            for statement in sql.split(";"):
                cursor.execute(statement)
            row = cursor.fetchone()
        return row and row[0]

    def fill(self, name: str, definition: str, rows: Iterator[tuple[Any, ...]], *after: str) -> None:
        """Create a table by its definition, and insert the rows."""
        connection = self._server.connect(name)
        with closing(connection), connection.cursor() as cursor:
            connection.autocommit(False)
            cursor.execute(definition)
            # A few at a time: this process must stay small, see process.py.
            while some := list(islice(rows, 5000)):
                cursor.executemany(insert(definition, "%s"), some)
            for statement in after:
                cursor.execute(statement)
            connection.commit()


@contextmanager
def databases(folder: Path) -> Iterator[tuple[Sqlite, Maria]]:
    """A folder for files and a server of our own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = OrdinaryMariaDB()
    try:
        yield Sqlite(folder), Maria(server)
    finally:
        server.close()
        shutil.rmtree(folder)


INDEX = "CREATE INDEX flights_date ON flights (date)"
DEFINITION = "SELECT sql FROM sqlite_master WHERE name = 'flights'"
FLIGHTS = "SELECT * FROM flights WHERE date BETWEEN ? AND ?"


def fill_sqlite(sqlite: Sqlite, days: tuple[str, str]) -> int:
    """Put the flights of these days into an operational database; how many they are."""
    sqlite.make(OPERATIONS)
    with (
        closing(sqlite3.connect(YEAR)) as year,
        closing(sqlite3.connect(sqlite.file(OPERATIONS))) as connection,
    ):
        (definition,) = year.execute(DEFINITION).fetchone()
        connection.execute(definition)
        count = connection.executemany(insert(definition, "?"), year.execute(FLIGHTS, days)).rowcount
        connection.execute(INDEX)
        connection.commit()
    return count


def fill_maria(maria: Maria, days: tuple[str, str]) -> None:
    """The same in MariaDB."""
    maria.make(OPERATIONS)
    with closing(sqlite3.connect(YEAR)) as year:
        (definition,) = year.execute(DEFINITION).fetchone()
        maria.fill(OPERATIONS, definition, year.execute(FLIGHTS, days), INDEX)
