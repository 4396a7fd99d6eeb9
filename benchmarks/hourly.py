"""The hourly run in which nothing is due, over ten years of ten sources; and how long the commands take to start."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from databases import Databases
from process import Cost, run
from report import Bound, Table, seconds, show
from sides import HERE, TOOLS

SOURCES = [f"s{number}" for number in range(10)]
DAYS = 3650
RECORDS = 30
"""Of each day and source, in the archive."""

CONFIGURATION = """\
[monolith]
database = {storage}
sequence = extract, load
since = {first}
{until}

[phase:extract]
sources = {sources}
targets = archive

[phase:load]
sources = archive
targets = copy

[source:archive]
use = sql

[target:archive]
use = sql

[target:copy]
use = sql
database = {copy}
"""
SOURCE = """
[source:{name}]
use = sql
database = sqlite:///{file}
query = SELECT date, n FROM facts WHERE date >= :start_date AND date < :next_date
"""
ARCHIVED = {
    "SQLite": """
        INSERT INTO record WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {records})
        SELECT date, source, randomblob(16), 'fact', '{{"n":1}}' FROM ledger, n WHERE target = 'archive'""",
    "MariaDB": """
        INSERT INTO record SELECT date, source, UNHEX(MD5(CONCAT(date, source, seq))), 'fact', '{{"n":1}}'
        FROM ledger, seq_1_to_{records} WHERE target = 'archive'""",
}
BARE = "extract, nothing due, no records archived"
FULL = "extract, nothing due, 1,095,000 records archived"
BOTH = "extract and load, nothing due, 1,095,000 records archived"
FRESH = "the same, and today and yesterday asked again, unchanged"
PROGRAM = TOOLS / "monolith/bin/monolith-extract"


@dataclass
class Hourly:
    """With the storage, the archive and its copy in databases of one kind."""

    databases: Databases
    folder: Path
    rounds: int
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    def measure(self) -> None:
        today = dt.datetime.now(dt.UTC).date()
        last = today - dt.timedelta(days=3)
        self._prepare(last)
        settled, open_ended = self.folder / "settled.ini", self.folder / "hourly.ini"
        self._run([settled, "--sequence", "extract"])
        self._measure(BARE, [settled, "--sequence", "extract"])
        self.databases.execute("hourly", ARCHIVED[self.databases.kind].format(records=RECORDS))
        self._measure(FULL, [settled, "--sequence", "extract"])
        self._run([settled])
        self._measure(BOTH, [settled])
        self._run([open_ended])
        self._measure(FRESH, [open_ended])

    def _prepare(self, last: dt.date) -> None:
        storage, copy = self.databases.make("hourly"), self.databases.make("hourly_copy")
        facts, first = self.folder / "facts.sqlite", last - dt.timedelta(days=DAYS - 1)
        facts.unlink(missing_ok=True)
        with closing(sqlite3.connect(facts)) as connection:
            connection.execute("CREATE TABLE facts (date DATE, n INTEGER)")
            recent = [(str(last + dt.timedelta(days=day)), n) for day in range(1, 6) for n in range(RECORDS)]
            connection.executemany("INSERT INTO facts VALUES (?, ?)", recent)
            connection.commit()
        sources = "".join(SOURCE.format(name=name, file=facts) for name in SOURCES)
        for name, until in (("settled", f"until = {last}"), ("hourly", "")):
            text = CONFIGURATION.format(
                storage=storage.url, copy=copy.url, first=first, until=until, sources=", ".join(SOURCES)
            )
            (self.folder / f"{name}.ini").write_text(text + sources)
        python, program = TOOLS / "monolith/bin/python", HERE / "fill.py"
        run([python, program, self.folder / "settled.ini", str(first), str(last)], self.folder / "log")

    def _run(self, words: list[str | Path]) -> Cost:
        return run([PROGRAM, *words, "--log-level", "warning"], self.folder / "log")

    def _measure(self, what: str, words: list[str | Path]) -> None:
        self.costs[what] = [self._run(words) for _ in range(self.rounds)]
        cpu = min(cost.cpu for cost in self.costs[what])
        show(f"  {self.databases.kind}: {what}: {self._best(what):.3f} s, {cpu:.3f} s of CPU")

    def _best(self, what: str) -> float:
        return min(cost.seconds for cost in self.costs[what])

    def lines(self) -> list[list[str]]:
        return [
            [self.databases.kind, what, seconds([cost.seconds for cost in costs])] for what, costs in self.costs.items()
        ]

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        kind = self.databases.kind
        growth = self._best(FULL) / self._best(BARE)
        return [
            *(Bound(f"{kind}: {what}, seconds", self._best(what), 1.0) for what in self.costs),
            Bound(f"{kind}: with records by without", growth, 1.15),
        ]


def hourly_table(of: list[Hourly]) -> Table:
    """One table of both kinds."""
    return Table(
        ["storage", "hourly run over 10 years of 10 sources", "seconds"], [line for each in of for line in each.lines()]
    )


@dataclass
class Starts:
    """How long the commands take that only say something."""

    folder: Path
    rounds: int
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    def measure(self) -> None:
        for option in ("--version", "--list-plugins"):
            self.costs[option] = [run([PROGRAM, option], self.folder / "log") for _ in range(self.rounds)]

    def table(self) -> Table:
        lines = [
            [f"monolith-extract {option}", seconds([cost.seconds for cost in costs])]
            for option, costs in self.costs.items()
        ]
        return Table(["start", "seconds"], lines)

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        limits = {"--version": 0.2, "--list-plugins": 0.5}
        return [
            Bound(f"{option}, seconds", min(cost.seconds for cost in costs), limits[option])
            for option, costs in self.costs.items()
        ]
