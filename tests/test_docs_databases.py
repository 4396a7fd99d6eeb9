"""The SQL of the documentation's page on databases: its grants are enough, its questions have the same answers."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.servers import MariaDB, PostgreSQL

EXAMPLES = Path(__file__).parent.parent / "examples"
EXTRACT = Path(sys.executable).parent / "monolith-extract"
ask = runpy.run_path(str(EXAMPLES / "ask.py"))


def archive(folder: Path, configuration: str) -> None:
    (folder / "monolith.ini").write_text(configuration, encoding="utf-8")
    done = subprocess.run([EXTRACT, "monolith.ini"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(query)
        found = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return found


def answers(url: str, file: str) -> list[list[tuple[str, float | str]]]:
    """The answer to each question of a file, with what databases return in different types made equal."""
    found = [rows(url, query) for _, query in ask["questions"]((EXAMPLES / file).read_text(encoding="utf-8"))]
    return [[(str(first), *(float(value) for value in others)) for first, *others in answer] for answer in found]


@pytest.mark.server
def test_questions_have_the_same_answers_everywhere(tmp_path: Path, mariadb: MariaDB, postgresql: PostgreSQL) -> None:
    subprocess.run([sys.executable, EXAMPLES / "shop.py"], cwd=tmp_path, check=True)
    configuration = (EXAMPLES / "shop.ini").read_text(encoding="utf-8")
    urls = {"mariadb": mariadb.url(), "postgresql": postgresql.url(), "sqlite": f"sqlite:///{tmp_path}/archive.sqlite"}
    for url in urls.values():
        archive(tmp_path, configuration.replace("sqlite:///archive.sqlite", url))
    expected = answers(urls["sqlite"], "queries-sqlite.sql")
    assert len(expected[0]) == 31
    assert [product for product, _ in expected[1]] == ["tea", "cake", "coffee"]
    assert answers(urls["mariadb"], "queries-mariadb.sql") == expected
    assert answers(urls["postgresql"], "queries-postgresql.sql") == expected


def statements(file: str) -> list[str]:
    """The statements of a file; the user has another name, for the tests' servers have a `monolith` of their own."""
    text = re.sub(r"^--.*$", "", (EXAMPLES / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"\bmonolith(?=@)|(?<=ROLE )monolith|(?<=OWNER )monolith", "archivist", text)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


CONFIG = """
[monolith]
database = {storage}
since = 2024-05-01
until = 2024-05-02
[phase:extract]
sources = orders
targets = sql
[source:orders]
use = sql
database = {source}
query = {query}
category = any
[target:sql]
"""


@pytest.mark.server
def test_the_grants_for_mariadb_are_enough(tmp_path: Path, mariadb: MariaDB) -> None:
    mariadb.admin("CREATE DATABASE marketplace")
    mariadb.admin("CREATE TABLE marketplace.installs (created DATETIME, app TEXT)")
    mariadb.admin("INSERT INTO marketplace.installs VALUES ('2024-05-01 10:00:00', 'maps')")
    for statement in statements("grants-mariadb.sql"):
        mariadb.admin(statement)
    storage = mariadb.url_of("monolith", user="archivist", password="change-me")
    source = mariadb.url_of("marketplace", user="reader", password="change-me-too")
    query = "SELECT date(created) AS date, app FROM installs WHERE created >= :start_date AND created < :next_date"
    archive(tmp_path, CONFIG.format(storage=storage, source=source, query=query))
    assert rows(storage, "SELECT data FROM record") == [('{"app":"maps"}',)]


@pytest.mark.server
def test_the_grants_for_postgresql_are_enough(tmp_path: Path, postgresql: PostgreSQL) -> None:
    postgresql.admin("CREATE DATABASE web")
    postgresql.admin("CREATE TABLE page_views (day DATE, page TEXT, seconds INT)", database="web")
    postgresql.admin("INSERT INTO page_views VALUES ('2024-05-01', '/', 3), ('2024-05-01', '/', 4)", database="web")
    for statement in statements("grants-postgresql.sql"):
        postgresql.admin(statement)
    for statement in statements("grants-postgresql-reader.sql"):
        postgresql.admin(statement, database="web")
    storage = postgresql.url_of("monolith", user="archivist", password="change-me")
    source = postgresql.url_of("web", user="reader", password="change-me-too")
    query = " ".join((EXAMPLES / "visits.sql").read_text(encoding="utf-8").split())
    archive(tmp_path, CONFIG.format(storage=storage, source=source, query=query))
    assert rows(storage, "SELECT data FROM record") == [('{"page":"/","seconds":7,"visits":2}',)]
