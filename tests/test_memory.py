"""Ten years in one run, and a day of a million records: under 200 MB of memory, whatever the range."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from datetime import date, timedelta

import pytest
from support.unmeasured import unmeasured

LIMIT_MB = 200
FIRST = date(2014, 1, 1)

# The rows are made by SQLite itself: numbers of a day for every day of the window.
CONFIG = """\
[monolith]
database = sqlite:///{folder}/archive.sqlite
since = {first}
until = {last}

[phase:extract]
sources = made
targets = sql

[phase:load]
sources = archive
targets = copy

[source:made]
use = sql
database = sqlite:///{folder}/empty.sqlite
category = made
query = WITH RECURSIVE
    day(date) AS (SELECT :start_date UNION ALL SELECT date(date, '+1 day') FROM day WHERE date < :end_date),
    number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {per_day})
    SELECT date, n, n * 0.5 AS half, 'some text of a usual length, the same in every row' AS text FROM day, number

[source:archive]
use = sql

[target:sql]

[target:copy]
use = sql
database = sqlite:///{folder}/copy.sqlite
"""


# The kernel's own mark of the process; what a parent is told of a child counts the parent's memory too.
MEASURED = """
import atexit, pathlib, runpy
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
runpy.run_module("monolith_core", run_name="__main__")
"""


def peak_mb(folder, days, per_day):
    """The most memory a whole run needed, in MB, and how many records it archived and copied."""
    sqlite3.connect(folder / "empty.sqlite").close()
    config = folder / "made.ini"
    text = CONFIG.format(folder=folder, first=FIRST, last=FIRST + timedelta(days=days - 1), per_day=per_day)
    config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", MEASURED, str(config), "--no-progress"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=unmeasured()).stdout
    counts = []
    for name in ("archive", "copy"):
        connection = sqlite3.connect(folder / f"{name}.sqlite")
        counts.append(connection.execute("SELECT COUNT(*) FROM record").fetchone()[0])
        connection.close()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", output)[0]) / 1024, counts


CASES = [
    pytest.param(1, 300_000, id="a-large-day"),
    pytest.param(1, 1_000_000, id="a-day-of-a-million"),
    pytest.param(365, 800, id="a-year"),
    pytest.param(3650, 822, id="ten-years", marks=pytest.mark.campaign),
]


@pytest.mark.server
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("days", "per_day"), CASES)
def test_memory(tmp_path, days, per_day):
    peak, counts = peak_mb(tmp_path, days, per_day)
    assert counts == [days * per_day] * 2
    assert peak < LIMIT_MB
    print(f"{days} days of {per_day:,} records: {peak:.0f} MB")
