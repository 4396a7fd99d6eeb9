"""Measure everything, print the tables, and tell which bounds are kept. Started by benchmarks/run."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from analytics import Analytics
from archive import Archive
from databases import OPERATIONS, Databases, Maria, Sqlite, databases, fill_maria, fill_sqlite
from files import Files
from hourly import Hourly, hourly_table
from loading import Loading
from process import Failed
from report import Bound, Table, show
from rest import Rest
from sides import SIDES, TOOLS, Task
from starts import Starts

README = Path(__file__).parent / "README.md"


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    quick: bool
    rounds: int
    peer_rounds: int
    only: set[str]

    @property
    def days(self) -> tuple[str, str]:
        return "2013-01-01", "2013-01-31" if self.quick else "2013-12-31"


def arguments() -> tuple[Scope, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="benchmarks/run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--peer-rounds", type=int)
    parser.add_argument("--only", default="archive,files,analytics,rest,hourly,starts,elasticsearch")
    given = parser.parse_args()
    rounds = given.rounds or (1 if given.quick else 5)
    peers = (1 if given.quick else 2) if given.peer_rounds is None else given.peer_rounds
    return Scope(given.quick, rounds, peers, set(given.only.split(","))), given


def measure_archive(sqlite: Sqlite, maria: Maria, folder: Path, scope: Scope) -> list[Archive]:
    flights = fill_sqlite(sqlite, scope.days)
    fill_maria(maria, scope.days)
    pairs: list[tuple[Databases, Databases]] = [(maria, sqlite), (sqlite, maria)]
    found = []
    for source, target in pairs:
        task = Task(source.where(OPERATIONS), target, folder, *scope.days)
        found.append(Archive(source, task, scope.rounds, scope.peer_rounds, flights))
        found[-1].measure()
    return found


def measure_files(sqlite: Sqlite, folder: Path, scope: Scope) -> Files:
    flights = fill_sqlite(sqlite, scope.days)
    found = Files(sqlite, folder, scope.days, flights, scope.rounds)
    found.measure()
    return found


def measure_loading(sqlite: Sqlite, folder: Path, scope: Scope) -> Loading:
    flights = fill_sqlite(sqlite, scope.days)
    found = Loading(sqlite, folder, scope.days, flights, min(scope.rounds, 3), scope.peer_rounds)
    found.measure()
    return found


def machine(maria: Maria) -> Table:
    """What was measured on, and with."""
    model = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), ": ?"
    )
    facts = {
        "cores": f"{os.cpu_count()} ({model.partition(': ')[2]})",
        "busy before": f"{os.getloadavg()[0]:.1f} processes",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "databases": f"{maria.version}, SQLite {sqlite3.sqlite_version}",
        **{side.name: versions(side.name) for side in SIDES if side.there()},
    }
    return Table(["machine", ""], [[name, value] for name, value in facts.items()])


def versions(tool: str) -> str:
    """What is installed in a tool's environment, as far as it is the tool's work."""
    command = [str(TOOLS / tool / "bin/python"), "-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"]
    told = re.compile(r"monolith|sling|(dlt|pyarrow|PyMySQL|msgspec|SQLAlchemy|trio)==", re.IGNORECASE)
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return ", ".join(line.replace("==", " ") for line in output.splitlines() if told.match(line))


def record(text: str) -> None:
    """Put the tables between the marks in README.md."""
    before, begin, rest = README.read_text().partition("<!-- tables -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not begin or not end:
        raise SystemExit("benchmarks/README.md has lost its marks <!-- tables --> and <!-- end -->; put them back")
    README.write_text(f"{before}{begin}\n{text}\n\n{end}{after}")


def measure(scope: Scope) -> tuple[str, list[Bound]]:
    """The tables, and the bounds."""
    folder = TOOLS / "work"
    tables, bounds = [], []
    with databases(folder) as (sqlite, maria):
        tables.append(machine(maria))
        if "archive" in scope.only:
            for archive in measure_archive(sqlite, maria, folder, scope):
                tables.append(archive.table())
                bounds += archive.bounds()
        if "files" in scope.only:
            files = measure_files(sqlite, folder, scope)
            tables.append(files.table())
            bounds += files.bounds()
        if "analytics" in scope.only:
            analytics = Analytics(sqlite, folder, 50_000 if scope.quick else 1_000_000)
            analytics.measure()
            tables.append(analytics.table())
            bounds += analytics.bounds()
        if "hourly" in scope.only:
            hours = [Hourly(each, folder, max(scope.rounds, 3)) for each in (sqlite, maria)]
            for hour in hours:
                hour.measure()
                bounds += hour.bounds()
            tables.append(hourly_table(hours))
        if "starts" in scope.only:
            starts = Starts(folder, 10)
            starts.measure()
            tables.append(starts.table())
            bounds += starts.bounds()
        if "elasticsearch" in scope.only:
            loading = measure_loading(sqlite, folder, scope)
            tables += loading.tables()
            bounds += loading.bounds()
        if "rest" in scope.only:
            services = Rest(sqlite, folder, max(scope.rounds, 3), scope.quick)
            services.measure()
            tables.append(services.table())
            bounds += services.bounds()
    tables.append(Table(["bound", "measured", "at most", ""], [bound.line(quick=scope.quick) for bound in bounds]))
    return "\n\n".join(map(str, tables)), bounds


def main() -> int:
    scope, given = arguments()
    try:
        text, bounds = measure(scope)
    except Failed as error:
        print(f"benchmarks/run: {error}", file=sys.stderr)
        return 1
    show(f"\n{text}")
    if given.record:
        record(text)
    broken = [bound for bound in bounds if not bound.kept and not (scope.quick and bound.whole)]
    return 1 if given.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
