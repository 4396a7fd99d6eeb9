"""The sql plugin, held against the contract by the test kit."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.sql import context, execute

from monolith_core import Record
from monolith_core.testing import SourceSuite, TargetSuite, staged
from monolith_plugins_sql.source import SqlSource
from monolith_plugins_sql.target import SqlTarget

UNREACHABLE = "mysql://reader:a-secret-word@127.0.0.1:1/shop"


class TestSqlTarget(TargetSuite):
    plugin = SqlTarget

    @pytest.fixture
    def options(self, database_url):
        return {"database": database_url}

    @pytest.fixture
    def unreachable(self):
        return {"database": UNREACHABLE, "timeout": "2s"}

    def damage(self, target, partition):
        execute(target.options.database.get_secret_value(), "UPDATE record SET data = '{\"n\":-1}'")


class TestSqlTargetInTheStorage(TargetSuite):
    """Its rows and the ledger are committed together."""

    plugin = SqlTarget

    @pytest.fixture
    def options(self, monolith_storage):
        return {"database": f"sqlite:///{monolith_storage.location.removeprefix('sqlite:')}"}


class TestSqlQuery(SourceSuite):
    plugin = SqlSource
    days = "2024-02-28", "2024-03-01"
    timezone = "Europe/Madrid"

    @pytest.fixture
    def options(self, tmp_path):
        path = tmp_path / "shop.sqlite"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE sale (day TEXT, app TEXT, price REAL)")
            rows = [(record.date.isoformat(), *record.data.values()) for record in RECORDS]
            connection.executemany("INSERT INTO sale VALUES (?, ?, ?)", rows)
        return {
            "database": f"sqlite:///{path}",
            "query": "SELECT day AS date, app, price FROM sale WHERE day >= :start_date AND day < :next_date",
            "purge-query": "DELETE FROM sale WHERE day >= :start_date AND day < :next_date",
        }

    @pytest.fixture
    def expected(self):
        return RECORDS

    @pytest.fixture
    def unreachable(self):
        return {"database": UNREACHABLE, "query": "SELECT 1 AS date WHERE :start_date", "timeout": "2s"}


RECORDS = [
    Record(dt.date(2024, 2, 28) + dt.timedelta(days=number % 3), "shop", {"app": f"app {number}", "price": number / 2})
    for number in range(12)
]


class TestSqlArchive(SourceSuite):
    plugin = SqlSource
    days = "2024-02-28", "2024-03-01"

    @pytest.fixture
    def options(self, tmp_path: Path):
        url = f"sqlite:///{tmp_path}/archive.sqlite"
        target = SqlTarget(SqlTarget.Options.model_validate({"database": url}), context())
        target.setup()
        for record in RECORDS:
            answer = staged([record.data], day=record.date)
            target.replace(answer.partition, answer)
        target.close()
        return {"database": url}

    @pytest.fixture
    def unreachable(self):
        return {"database": UNREACHABLE, "timeout": "2s"}
