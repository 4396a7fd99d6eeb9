"""A job for the tests of whole runs: a shop's database into the archive, and the archive into Elasticsearch."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith
from support.elasticsearch_node import Node

CONFIGURATION = """
[monolith]
database = sqlite:///archive.sqlite
sequence = extract, load
since = {since}
until = {until}
retries = 0
[phase:extract]
sources = shop
targets = sql
[phase:load]
sources = sql
targets = {targets}
[source:shop]
use = sql
database = sqlite:///shop.sqlite
query = SELECT * FROM orders WHERE date >= :start_date AND date < :next_date
category = order
[source:sql]
[target:sql]
"""

PATIENCE = 120
PER_DAY = 50


@dataclass
class Job:
    """A shop with some orders on each of its days, in a folder of its own."""

    folder: Path
    since: dt.date = dt.date(2024, 1, 30)
    until: dt.date = dt.date(2024, 2, 2)

    def __post_init__(self) -> None:
        self.sell("CREATE TABLE orders (date DATE, item TEXT, price REAL)")
        for day in self.days:
            self.sell_on(day)

    @property
    def config(self) -> str:
        return str(self.folder / "monolith.ini")

    @property
    def days(self) -> list[dt.date]:
        return [self.since + dt.timedelta(days=n) for n in range((self.until - self.since).days + 1)]

    def sell(self, sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.folder / "shop.sqlite")) as connection, connection:
            connection.execute(sql, values)

    def sell_on(self, day: dt.date) -> None:
        """A day's orders."""
        numbers = f"WITH RECURSIVE n(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM n WHERE n < {PER_DAY - 1})"
        self.sell(f"{numbers} INSERT INTO orders SELECT ?, 'item ' || n, n / 4.0 FROM n", day.isoformat())

    def configure(self, **targets: str | Mapping[str, Any]) -> None:
        """Write the configuration; a target is given by its URL or by its options."""
        text = CONFIGURATION.format(since=self.since, until=self.until, targets=", ".join(targets))
        for name, given in targets.items():
            options = {"use": "elasticsearch", "replicas": 0} | (
                {"url": given} if isinstance(given, str) else {**given}
            )
            text += f"[target:{name}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
        Path(self.config).write_text(text, encoding="utf-8")

    def extract(self, *arguments: str, expect: int = 0) -> str:
        """What `monolith-extract` says; in this process."""
        return self._invoke(extract, [self.config, *arguments], expect).output

    def monolith(self, command: str, *arguments: str, expect: int = 0) -> str:
        """What a command of `monolith` answers, without its log; in this process."""
        return self._invoke(monolith, [command, self.config, *arguments], expect).stdout

    def _invoke(self, command: Any, arguments: list[str], expect: int) -> Result:
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == expect, result.output
        return result

    def start(self, *arguments: str, fault: str = "") -> subprocess.Popen[str]:
        """Begin a run in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "monolith_core", self.config, "--no-progress", *arguments],
            env=os.environ | {"MONOLITH_FAULT": fault, "PYTHONFAULTHANDLER": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, fault: str = "") -> tuple[int, str]:
        """Run in a process of its own: exit status (negative: the signal that ended it) and what it printed."""
        process = self.start(*arguments, fault=fault)
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # so that it shows where it stands
            output, _ = process.communicate()
            raise AssertionError(f"the run does not end:\n{output}") from None
        return process.returncode, output

    def archived(self) -> dict[bytes, str]:
        """The archive's records by id."""
        with closing(sqlite3.connect(self.folder / "archive.sqlite")) as connection:
            return dict(connection.execute("SELECT id, date FROM record"))


def counts(node: Node, alias: str = "monolith") -> dict[str, int]:
    """Documents by day."""
    node.ask("POST", f"/{alias}/_refresh")
    aggs = {"days": {"terms": {"field": "date", "format": "yyyy-MM-dd", "size": 1000}}}
    found = node.ask("POST", f"/{alias}/_search", {"size": 0, "aggs": aggs})
    return {bucket["key_as_string"]: bucket["doc_count"] for bucket in found["aggregations"]["days"]["buckets"]}
