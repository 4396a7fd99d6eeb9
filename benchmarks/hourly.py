"""The hourly run in which nothing is due, over ten years of ten sources."""

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
        """What has nothing due in turn, since it is compared; then what asks again."""
        last = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
        bare, full = self._prepare("bare", last), self._prepare("full", last)
        extract = ["--sequence", "extract"]
        self._run([bare, *extract])
        self._run([full])
        self.databases.execute("full", ARCHIVED[self.databases.kind].format(records=RECORDS))
        self._in_turn({BARE: [bare, *extract], FULL: [full, *extract], BOTH: [full]})
        # From here on today and yesterday are in the ledger, as not final.
        full.write_text(full.read_text().replace(f"until = {last}", ""))
        self._run([full])
        self._in_turn({FRESH: [full]})

    def _prepare(self, name: str, last: dt.date) -> Path:
        """A storage whose ledger is filled; its configuration."""
        storage, copy = self.databases.make(name), self.databases.make(f"{name}_copy")
        facts, first = self._facts(last), last - dt.timedelta(days=DAYS - 1)
        text = CONFIGURATION.format(
            storage=storage.url, copy=copy.url, first=first, until=f"until = {last}", sources=", ".join(SOURCES)
        )
        configuration = self.folder / f"{name}.ini"
        configuration.write_text(text + "".join(SOURCE.format(name=each, file=facts) for each in SOURCES))
        python, program = TOOLS / "monolith/bin/python", HERE / "fill.py"
        run([python, program, configuration, str(first), str(last)], self.folder / "log")
        return configuration

    def _facts(self, last: dt.date) -> Path:
        """What the sources read: a few records of each day that is not over for long."""
        file = self.folder / "facts.sqlite"
        file.unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE facts (date DATE, n INTEGER)")
            recent = [(str(last + dt.timedelta(days=day)), n) for day in range(1, 6) for n in range(RECORDS)]
            connection.executemany("INSERT INTO facts VALUES (?, ?)", recent)
            connection.commit()
        return file

    def _run(self, words: list[str | Path]) -> Cost:
        return run([PROGRAM, *words, "--log-level", "warning"], self.folder / "log")

    def _in_turn(self, commands: dict[str, list[str | Path]]) -> None:
        for _ in range(self.rounds):
            for what, words in commands.items():
                self.costs.setdefault(what, []).append(self._run(words))
        for what in commands:
            show(f"  {self.databases.kind}: {what}: {self._best(what):.3f} s")

    def _best(self, what: str) -> float:
        return min(cost.seconds for cost in self.costs[what])

    def lines(self) -> list[list[str]]:
        return [
            [
                self.databases.kind,
                what,
                seconds([cost.seconds for cost in costs]),
                seconds([cost.cpu for cost in costs]),
            ]
            for what, costs in self.costs.items()
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
        ["storage", "hourly run over 10 years of 10 sources", "seconds", "of CPU"],
        [line for each in of for line in each.lines()],
    )
