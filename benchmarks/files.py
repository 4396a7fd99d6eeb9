"""The files' benchmark: the flights as CSV into an archive in SQLite, by monolith and by two loops with `csv`."""

from __future__ import annotations

import csv
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from archive import SAME
from databases import OPERATIONS, Sqlite
from process import Cost, Failed, run
from report import Bound, Table, ratio, seconds, show
from sides import HERE, TOOLS

CONFIGURATION = """\
[monolith]
database = {archive}
since = {first}
until = {last}

[phase:extract]
sources = flights
targets = archive

[source:flights]
use = files
path = {path}
date-column = date
category = flight
types = carrier: text, tailnum: text, origin: text, dest: text, time_hour: text, *: integer
{more}

[target:archive]
use = sql
"""
PROGRAM = TOOLS / "monolith/bin/monolith-extract"
LOOP = TOOLS / "loop/bin/python"
DAYS, YEAR = "a file a day", "one file"
LAYOUTS = {DAYS: ("%Y-%m-%d.csv", ""), YEAR: ("flights.csv", "span = 366")}
OWN, BY_HAND, USUAL = "monolith", "loop by hand, the fastest", "loop by hand, as usual"
LOOPS = {USUAL: "plain", BY_HAND: "files"}
COLD, FORCED, NOTHING = "cold", "forced", "nothing due"


@dataclass
class Files:
    """The flights of these days, as files in a folder of their own."""

    sqlite: Sqlite
    folder: Path
    days: tuple[str, str]
    flights: int
    rounds: int
    costs: dict[tuple[str, str, str], list[Cost]] = field(default_factory=lambda: defaultdict(list))

    def measure(self) -> None:
        """Every round: each layout by each side, beginning with the other one each time."""
        self._exported.mkdir()
        self._export()
        for number in range(self.rounds):
            for layout in LAYOUTS:
                sides = [OWN, *LOOPS]
                turn = number % len(sides)
                for side in sides[turn:] + sides[:turn]:
                    if side == OWN:
                        self._monolith(layout)
                    else:
                        self._loop(layout, side)
                self._compare()

    @property
    def _exported(self) -> Path:
        return self.folder / "exported"

    def _export(self) -> None:
        """Write the table of flights as files, in both layouts."""
        with closing(sqlite3.connect(self.sqlite.file(OPERATIONS))) as connection:
            rows = connection.execute("SELECT * FROM flights ORDER BY date")
            header = [column[0] for column in rows.description]
            with (self._exported / "flights.csv").open("w", newline="") as whole:
                csv.writer(whole).writerow(header)
                for day, found in groupby(rows, key=lambda row: row[0]):
                    with (self._exported / f"{day}.csv").open("w", newline="") as one:
                        csv.writer(one).writerow(header)
                        for row in found:
                            csv.writer(one).writerow(row)
                            csv.writer(whole).writerow(row)

    def _monolith(self, layout: str) -> None:
        path, more = LAYOUTS[layout]
        archive, (first, last) = self.sqlite.make("monolith"), self.days
        text = CONFIGURATION.format(archive=archive.url, first=first, last=last, path=self._exported / path, more=more)
        configuration = self.folder / "files.ini"
        configuration.write_text(text)
        words: list[str | Path] = [PROGRAM, configuration, "--log-level", "warning"]
        self._run(layout, OWN, COLD, words)
        self._run(layout, OWN, NOTHING, words)
        self._run(layout, OWN, FORCED, [*words, "--force"])

    def _loop(self, layout: str, side: str) -> None:
        path, _ = LAYOUTS[layout]
        files = sorted(self._exported.glob("2*.csv")) if "%" in path else [self._exported / path]
        for step in (COLD, FORCED):
            if step == COLD:
                self.sqlite.make("loop")
            self._run(
                layout, side, step, [LOOP, HERE / "loop.py", LOOPS[side], self.sqlite.where("loop").plain, *files]
            )

    def _run(self, layout: str, side: str, step: str, words: list[str | Path]) -> None:
        cost = run(words, self.folder / "log")
        show(f"  CSV, {layout} -> SQLite archive: {side}, {step}: {cost.seconds:.2f} s")
        self.costs[layout, side, step].append(cost)

    def _compare(self) -> None:
        """See that both did the same, down to the ids."""
        same = self.sqlite.execute("monolith", SAME.format(one="monolith", other="loop"))
        counts = [self.sqlite.execute("monolith", f"SELECT COUNT(*) FROM {of}.record") for of in ("monolith", "loop")]
        if not same == counts[0] == counts[1] == self.flights:
            raise Failed(f"of {self.flights} flights monolith archived {counts[0]}, the loop {counts[1]}, {same} equal")

    def _best(self, layout: str, side: str, step: str) -> float | None:
        return min((cost.seconds for cost in self.costs.get((layout, side, step), [])), default=None)

    def table(self) -> Table:
        head = [
            "CSV -> SQLite archive",
            "",
            "cold",
            "x usual loop",
            "x fastest",
            "forced",
            "x usual loop",
            "x fastest",
            "nothing due",
            "CPU of cold",
            "peak memory",
        ]
        return Table(head, [self._line(layout, side) for layout in LAYOUTS for side in (OWN, *LOOPS)])

    def _line(self, layout: str, side: str) -> list[str]:
        def steps() -> Iterator[str]:
            for step in (COLD, FORCED):
                yield seconds([cost.seconds for cost in self.costs[layout, side, step]])
                for loop in LOOPS:
                    yield ratio(self._best(layout, side, step), self._best(layout, loop, step))

        cold = self.costs[layout, side, COLD]
        nothing = seconds([cost.seconds for cost in self.costs.get((layout, side, NOTHING), [])])
        cpu, memory = seconds([cost.cpu for cost in cold]), max(cost.memory for cost in cold) / 2**20
        return [layout, side, *steps(), nothing, cpu, f"{memory:.0f} MB"]

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        found = []
        for layout in LAYOUTS:
            own, loop = self._best(layout, OWN, COLD) or 0.0, self._best(layout, USUAL, COLD) or 1.0
            found.append(Bound(f"CSV, {layout}: cold by the usual loop's", own / loop, 1.0, whole=True))
            found.append(Bound(f"CSV, {layout}: nothing due, seconds", self._best(layout, OWN, NOTHING) or 0.0, 1.0))
        return found
