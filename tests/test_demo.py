"""The demo's configuration on its real data: everything arrives, and it is the same on SQLite and on MariaDB."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import flights
from support.flights import ROOT, run
from support.servers import MariaDB

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

CONFIG = ROOT / "examples/flights.ini"
Connection = Any  # of the DB API
COUNTS = {"flights": 336_776, "weather": 26_115}

LEDGER = """
    SELECT target, source, date, via, state, count, a, b FROM ledger ORDER BY target, source, date, via
"""
RECORDS = "SELECT date, source, id, category, data FROM record ORDER BY date, source, id"


class Outcome(NamedTuple):
    """What one database holds after the demo: the ledger's facts, and for each copy of the archive its fingerprint."""

    ledger: list[tuple[object, ...]]
    archive: tuple[dict[str, int], str]
    copy: tuple[dict[str, int], str]


@pytest.fixture(scope="session")
def operations() -> Path:
    return flights.operations()


def demo(folder: Path, databases: dict[str, str]) -> None:
    """Run the demo's configuration with its databases replaced by those given, then once more with nothing due."""
    text = CONFIG.read_text(encoding="utf-8")
    for name, url in databases.items():
        text = text.replace(f"sqlite:///%(here)s/data/{name}.sqlite", url)
    assert "%(here)s" not in text
    text = text.replace("data/weather", str(flights.operations().parent / "weather"))
    (folder / "flights.ini").write_text(text, encoding="utf-8")
    run("monolith-extract", "flights.ini", cwd=folder)
    run("monolith-extract", "flights.ini", "--report", "again.json", cwd=folder)
    report = json.loads((folder / "again.json").read_text(encoding="utf-8"))
    assert (report["status"], report["counts"]["due"]) == ("ok", 0)
    assert "flights" in run("monolith", "status", "flights.ini", cwd=folder)


def outcome(archive: Connection, copy: Connection) -> Outcome:
    """What the demo left in its two databases."""
    cursor = archive.cursor()
    cursor.execute(LEDGER)
    ledger = [tuple(str(value) for value in row) for row in cursor.fetchall()]
    return Outcome(ledger, fingerprint(archive), fingerprint(copy))


def fingerprint(connection: Connection) -> tuple[dict[str, int], str]:
    """How many records of each source there are, and one hash over all of them with their ids."""
    digest, counts = hashlib.blake2b(), dict.fromkeys(COUNTS, 0)
    cursor = connection.cursor()
    cursor.execute(RECORDS)
    for date, source, key, category, data in cursor:
        digest.update(f"{date} {source} {bytes(key).hex()} {category} {data}\n".encode())
        counts[source] += 1
    return counts, digest.hexdigest()


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory, operations: Path) -> Path:
    """The folder of a finished demo on SQLite."""
    folder = tmp_path_factory.mktemp("sqlite")
    files = {name: f"sqlite:///{folder}/{name}.sqlite" for name in ("archive", "copy")}
    demo(folder, files | {"operations": f"sqlite:///{operations}"})
    return folder


@pytest.fixture(scope="module")
def on_sqlite(archived: Path) -> Outcome:
    archive, copy = (sqlite3.connect(archived / f"{name}.sqlite") for name in ("archive", "copy"))
    with closing(archive), closing(copy):
        return outcome(archive, copy)


@pytest.fixture(scope="module")
def on_mariadb(tmp_path_factory: pytest.TempPathFactory, operations: Path, mariadb: MariaDB) -> Outcome:
    names = ("operations", "archive", "copy")
    urls = {name: mariadb.url(f"demo_{name}") for name in names}
    folder = tmp_path_factory.mktemp("mariadb")
    with closing(sqlite3.connect(operations)) as source, closing(mariadb.connect("demo_operations")) as target:
        move(source, target, folder, "flights")
    demo(folder, urls)
    with closing(mariadb.connect("demo_archive")) as archive, closing(mariadb.connect("demo_copy")) as copy:
        return outcome(archive, copy)


def move(source: sqlite3.Connection, target: Connection, folder: Path, table: str) -> None:
    """Make the same table in MariaDB, with the same rows, which the server reads from a file."""
    (definition,) = source.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    file = folder / f"{table}.txt"
    with file.open("w", encoding="utf-8") as rows:
        for row in source.execute(f"SELECT * FROM {table}"):
            values = ["\\N" if value is None else str(value) for value in row]
            assert not set("\t\n\\") & set("".join(values).replace("\\N", ""))
            rows.write("\t".join(values) + "\n")
    cursor = target.cursor()
    cursor.execute(definition)
    cursor.execute(f"CREATE INDEX {table}_date ON {table} (date)")
    cursor.execute(f"LOAD DATA INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4", (str(file),))


def test_every_row_arrives(on_sqlite: Outcome) -> None:
    assert on_sqlite.archive[0] == COUNTS
    assert {state for _, _, _, _, state, *_ in on_sqlite.ledger} == {"done"}


def test_the_copy_equals_the_archive(on_sqlite: Outcome) -> None:
    assert on_sqlite.copy == on_sqlite.archive


def test_mariadb_holds_the_same(on_sqlite: Outcome, on_mariadb: Outcome) -> None:
    assert on_mariadb == on_sqlite


def test_the_questions_have_answers(archived: Path) -> None:
    ask = (sys.executable, ROOT / "examples/ask.py", archived / "archive.sqlite", ROOT / "examples/flights.sql")
    answers = run(*ask, cwd=ROOT)
    assert answers.count("json_extract(data, '$.carrier')") == 1
    assert "2013-02-08" in answers, "the blizzard, when most planes stayed on the ground"
