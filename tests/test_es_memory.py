"""A day of a million records into Elasticsearch, its difference, and its deep look: under 200 MB each."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support.elasticsearch_node import Node
from support.unmeasured import unmeasured

LIMIT_MB = 200

CONFIG = """
[monolith]
database = sqlite:///archive.sqlite
sequence = extract, load
since = 2024-02-29
until = 2024-02-29
[phase:extract]
sources = made
targets = sql
[phase:load]
sources = archive
targets = elasticsearch
[source:made]
use = sql
database = sqlite:///empty.sqlite
category = made
query = WITH RECURSIVE number(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM number WHERE n < {last})
    SELECT :start_date AS date, n, n * 0.5 AS half, 'some text of a usual length' AS text FROM number
[source:archive]
use = sql
[target:sql]
[target:elasticsearch]
url = {url}
replicas = 0
"""

# The kernel's own mark of the process; what a parent is told of a child counts the parent's memory too.
MEASURED = """
import atexit, pathlib, sys
from monolith_core.cli.{module} import main
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text(), file=sys.stderr))
main()
"""


def peak_mb(folder: Path, *arguments: str) -> float:
    """The most memory that a command needs, in MB."""
    module = "main" if arguments[0] == "reconcile" else "extract"
    command = [sys.executable, "-c", MEASURED.format(module=module), *arguments]
    done = subprocess.run(command, cwd=folder, env=unmeasured(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.findall(r"VmHWM:\s*(\d+) kB", done.stderr)[0]) / 1024


def configure(folder: Path, node: Node, first: int, last: int) -> None:
    text = CONFIG.format(url=node.url, first=first, last=last)
    (folder / "made.ini").write_text(text, encoding="utf-8")


@pytest.mark.server
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "count", [pytest.param(30_000, id="short"), pytest.param(1_000_000, id="a-million", marks=pytest.mark.campaign)]
)
def test_memory(tmp_path: Path, node: Node, count: int):
    with closing(sqlite3.connect(tmp_path / "empty.sqlite")):
        configure(tmp_path, node, 1, count)
    peak_mb(tmp_path, "made.ini", "--sequence", "extract")
    peaks = {"load": peak_mb(tmp_path, "made.ini", "--sequence", "load")}
    configure(tmp_path, node, 1001, count + 2000)
    peak_mb(tmp_path, "made.ini", "--sequence", "extract")
    peaks["difference"] = peak_mb(tmp_path, "made.ini", "--sequence", "load")
    peaks["deep look"] = peak_mb(tmp_path, "reconcile", "made.ini", "--target", "elasticsearch", "--deep")
    print({name: round(peak) for name, peak in peaks.items()})
    assert node.ask("GET", "/monolith/_count")["count"] == count + 1000
    assert max(peaks.values()) < LIMIT_MB, peaks
