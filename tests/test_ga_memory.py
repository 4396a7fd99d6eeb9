"""A day of a million rows from Google Analytics: under 200 MB of memory."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support.ga_emulator import Answer, Asked, Emulator
from support.ga_grpc import GrpcEmulator
from support.unmeasured import unmeasured

LIMIT_MB = 200
CONFIG = """\
[monolith]
database = sqlite:///{folder}/archive.sqlite
since = 2024-03-01
until = 2024-03-01
[phase:extract]
sources = visits
targets = sql
[source:visits]
use = google-analytics
property = 123
endpoint = {url}
transport = {transport}
metrics = sessions, activeUsers, userEngagementDuration
dimensions = country, pagePath, deviceCategory, sessionSource
[target:sql]
"""

# The kernel's own mark of the process; what a parent is told of a child counts the parent's memory too.
MEASURED = """
import atexit, pathlib, runpy
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
runpy.run_module("monolith_core", run_name="__main__")
"""

HEADERS = (
    '"dimensionHeaders": [{"name": "date"}, {"name": "country"}, {"name": "pagePath"}, {"name": "deviceCategory"}, '
    '{"name": "sessionSource"}], "metricHeaders": [{"name": "sessions", "type": "TYPE_INTEGER"}, '
    '{"name": "activeUsers", "type": "TYPE_INTEGER"}, {"name": "userEngagementDuration", "type": "TYPE_SECONDS"}]'
)
ROW = (
    '{"dimensionValues": [{"value": "20240301"}, {"value": "Spain"}, {"value": "/a/path/of/some/usual/length/%d"}, '
    '{"value": "desktop"}, {"value": "a-search-engine.example"}], "metricValues": [{"value": "%d"}, {"value": "7"}, '
    '{"value": "1.5"}]}'
)


def page(asked: Asked, rows: int) -> bytes:
    """One page of a report of so many rows."""
    offset, limit = int(asked.body.get("offset", 0)), int(asked.body["limit"])
    found = ",".join(ROW % (number, number) for number in range(offset, min(offset + limit, rows)))
    return f'{{{HEADERS}, "rows": [{found}], "rowCount": {rows}}}'.encode()


def peak_mb(folder: Path, url: str, transport: str) -> tuple[float, int]:
    """The most memory that a run needs, in MB, and how many records it archived."""
    (folder / "ga.ini").write_text(CONFIG.format(folder=folder, url=url, transport=transport))
    command = [sys.executable, "-c", MEASURED, str(folder / "ga.ini"), "--no-progress"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=unmeasured()).stdout
    with closing(sqlite3.connect(folder / "archive.sqlite")) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM record").fetchone()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", output)[0]) / 1024, count


@pytest.mark.server
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("transport", "rows"),
    [
        pytest.param("rest", 40_000, id="some-pages"),
        pytest.param("rest", 1_000_000, id="a-million", marks=pytest.mark.campaign),
        pytest.param("grpc", 1_000_000, id="a-million-by-grpc", marks=pytest.mark.campaign),
    ],
)
def test_memory(tmp_path: Path, transport: str, rows: int) -> None:
    with Emulator({}, rule=lambda asked: Answer(200, page(asked, rows))) as google:
        if transport == "rest":
            peak, count = peak_mb(tmp_path, google.url, transport)
        else:
            with GrpcEmulator(google) as grpc:
                peak, count = peak_mb(tmp_path, grpc.url, transport)
    assert count == rows
    print(f"{rows:,} rows by {transport}: {peak:.0f} MB")
    assert peak < LIMIT_MB
