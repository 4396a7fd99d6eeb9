"""The services' benchmark: 100,000 records in 1,000 pages, by monolith and by bare httpx with a loop that writes."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from databases import YEAR, Sqlite
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
use = rest
url = {url}?from={{start_date}}&until={{next_date}}
records = results
category = flight
paging = next-url
next = next
total = count

[target:archive]
use = sql
"""
FIRST, WHOLE, PART = "2013-01-01", "2013-04-20", "2013-01-08"
"""The days up to `WHOLE` have 100,000 flights, near enough."""
SIZE = 100
AT_ONCE, QUICK = 0, 5
"""Milliseconds that the service takes for a page: none, so that only processors count, and those of a quick one."""
PROGRAM = TOOLS / "monolith/bin/monolith-extract"
OWN, BARE = "monolith", "bare httpx plus writing"


@dataclass
class Rest:
    """Pages of the flights up to a day, into SQLite."""

    sqlite: Sqlite
    folder: Path
    rounds: int
    quick: bool
    flights: int = 0
    costs: dict[tuple[int, str], list[Cost]] = field(default_factory=lambda: defaultdict(list))

    @property
    def last(self) -> str:
        return PART if self.quick else WHOLE

    def measure(self) -> None:
        """In each round both sides do it, each first in its turn; then the archives are compared."""
        with service(self.last) as url:
            for number in range(self.rounds):
                for taking in (AT_ONCE, QUICK):
                    for side in (OWN, BARE) if number % 2 else (BARE, OWN):
                        run_it = self._own if side == OWN else self._bare
                        self.costs[taking, side].append(run_it(f"{url}/{taking}/flights"))
                    self._compare()
        show(f"  {self.flights:,} records in pages: {self._ratio(QUICK):.2f} times bare httpx plus writing")

    def _own(self, url: str) -> Cost:
        text = CONFIGURATION.format(archive=self.sqlite.make("rest").url, first=FIRST, last=self.last, url=url)
        configuration = self.folder / "rest.ini"
        configuration.write_text(text)
        return run([PROGRAM, configuration, "--log-level", "warning"], self.folder / "log")

    def _bare(self, url: str) -> Cost:
        until = dt.date.fromisoformat(self.last) + dt.timedelta(days=1)
        target = self.sqlite.make("bare").plain
        command = [TOOLS / "loop/bin/python", HERE / "fetch.py", f"{url}?from={FIRST}&until={until}", target]
        return run(command, self.folder / "log")

    def _compare(self) -> None:
        count = "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || max(hex(id)) || ' ' || min(hex(id)) FROM record"
        own, bare = (self.sqlite.execute(name, count) for name in ("rest", "bare"))
        if own != bare:
            raise Failed(f"the archives differ: monolith has {own}, the loop has {bare}")
        self.flights = int(own.split()[0])

    def _best(self, taking: int, side: str) -> float:
        return min(cost.seconds for cost in self.costs[taking, side])

    def _ratio(self, taking: int) -> float:
        return self._best(taking, OWN) / self._best(taking, BARE)

    def table(self) -> Table:
        """A line for each side, and for each time that the service takes."""
        lines = [
            [
                f"{taking} ms",
                side,
                seconds([cost.seconds for cost in costs]),
                ratio(self._best(taking, side), self._best(taking, BARE)),
                seconds([cost.cpu for cost in costs]),
                f"{max(cost.memory for cost in costs) / 2**20:.0f} MB",
            ]
            for (taking, side), costs in sorted(self.costs.items())
        ]
        pages = -(-self.flights // SIZE)
        head = f"{self.flights:,} records in {pages:,} pages"
        return Table(["a page takes", head, "seconds", "ratio", "of CPU", "memory"], lines)

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        what = f"pages of a service that take {QUICK} ms: monolith by bare httpx plus writing"
        return [Bound(what, self._ratio(QUICK), 1.3, whole=True)]


@contextmanager
def service(last: str) -> Iterator[str]:
    """The URL of a service that has the flights up to a day."""
    command = [str(TOOLS / "loop/bin/python"), str(HERE / "pages.py"), str(YEAR), last, str(SIZE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise Failed("pages.py does not start")
        yield f"http://127.0.0.1:{port}"
        process.communicate()
