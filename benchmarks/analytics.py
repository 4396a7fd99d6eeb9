"""The benchmark of Google Analytics: a day of a million rows into an archive in SQLite, and what memory that takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from databases import Sqlite
from process import Cost, Failed, run
from report import Bound, Table, seconds, show
from sides import HERE, TOOLS

CONFIGURATION = """\
[monolith]
database = {archive}
timezone = UTC
since = 2024-03-01
until = 2024-03-01

[phase:extract]
sources = visits
targets = archive

[source:visits]
use = google-analytics
property = 123456789
endpoint = {url}
metrics = sessions, activeUsers, userEngagementDuration
dimensions = country, pagePath, deviceCategory, sessionSource

[target:archive]
use = sql
"""
PROGRAM = TOOLS / "monolith/bin/monolith-extract"


@dataclass
class Analytics:
    """One report of so many rows, from a server of its own."""

    sqlite: Sqlite
    folder: Path
    rows: int
    costs: list[Cost] = field(default_factory=list)

    def measure(self) -> None:
        """Once: it is about memory, which is the same each time."""
        archive = self.sqlite.make("monolith")
        configuration = self.folder / "analytics.ini"
        with _server(self.rows) as url:
            configuration.write_text(CONFIGURATION.format(archive=archive.url, url=url))
            cost = run([PROGRAM, configuration, "--log-level", "warning"], self.folder / "log")
        count = self.sqlite.execute("monolith", "SELECT COUNT(*) FROM record")
        if count != self.rows:
            raise Failed(f"of {self.rows} rows of a report monolith archived {count}")
        show(f"  Google Analytics -> SQLite archive: monolith: {cost.seconds:.2f} s")
        self.costs.append(cost)

    def table(self) -> Table:
        head = ["Google Analytics -> SQLite archive", "cold", "CPU of cold", "peak memory"]
        times, cpu = seconds([cost.seconds for cost in self.costs]), seconds([cost.cpu for cost in self.costs])
        return Table(head, [[f"{self.rows:,} rows of a day", times, cpu, f"{self._memory:.0f} MB"]])

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        return [Bound("Google Analytics: peak memory of a million rows, MB", self._memory, 200, whole=True)]

    @property
    def _memory(self) -> float:
        return max(cost.memory for cost in self.costs) / 2**20


@contextmanager
def _server(rows: int) -> Iterator[str]:
    """The address of a server in a process of its own, which is ended afterwards."""
    command = [sys.executable, str(HERE / "analytics_server.py"), str(rows)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()
