"""A file of a million rows, of several days, takes no more memory than a small one: it is read as a stream."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.unmeasured import unmeasured

LIMIT_MB = 200
DAYS = [f"2024-02-{day:02}" for day in range(1, 29)]

CONFIG = """\
[monolith]
database = sqlite:///archive.sqlite
since = 2024-02-01
until = 2024-02-28
[phase:extract]
sources = rows
targets = archive
[source:rows]
use = files
path = {path}
date-column = date
[target:archive]
{target}
"""

# The kernel's own mark of the process; what a parent is told of a child counts the parent's memory too.
MEASURED = """
import atexit, pathlib, runpy
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
runpy.run_module("monolith_core", run_name="__main__")
"""

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]


def rows(count: int) -> Iterator[tuple[str, int, float, str]]:
    for n in range(count):
        yield DAYS[n % len(DAYS)], n, n * 0.5, "some text of a usual length and the same in every row"


def write(folder: Path, name: str, count: int) -> None:
    """A file of so many rows, in the format of its name."""
    if name.endswith(".parquet"):
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = dict(zip(("date", "n", "half", "text"), map(list, zip(*rows(count), strict=True)), strict=True))
        pq.write_table(pa.table(columns), folder / name, row_group_size=count)
        return
    with gzip.open(folder / name, "wt", compresslevel=1) as file:
        if name.startswith("rows.csv"):
            file.write("date,n,half,text\n")
            file.writelines(f"{date},{n},{half},{text}\n" for date, n, half, text in rows(count))
        elif name.startswith("rows.jsonl"):
            names = ("date", "n", "half", "text")
            file.writelines(f"{json.dumps(dict(zip(names, row, strict=True)))}\n" for row in rows(count))
        else:
            items = (
                json.dumps({"date": date, "n": n, "half": half, "text": text}) for date, n, half, text in rows(count)
            )
            file.write("[" + next(items))
            file.writelines(f", {item}" for item in items)
            file.write("]")


def peak_mb(folder: Path, name: str, target: str) -> float:
    """The most memory that a run needed."""
    (folder / "rows.ini").write_text(CONFIG.format(path=name, target=target))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "rows.ini", "--log-level", "error"],
        cwd=folder,
        env=unmeasured(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    match = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert match is not None
    return int(match[1]) / 1024


def archived(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "archive.sqlite")) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM record").fetchone()
    return int(count)


NAMES = ["rows.csv.gz", "rows.jsonl.gz", "rows.json.gz", "rows.parquet"]


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.json.gz"])
def test_a_larger_file_takes_no_more_memory(tmp_path: Path, name: str) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    for folder, count in ((small, 15_000), (large, 150_000)):
        folder.mkdir()
        write(folder, name, count)
    assert peak_mb(large, name, "use = sql") < peak_mb(small, name, "use = sql") + 40
    assert archived(large) == 150_000


@pytest.mark.campaign
@pytest.mark.parametrize("name", NAMES)
def test_a_million_rows_are_read_as_a_stream(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, 1_000_000)
    assert peak_mb(tmp_path, name, "use = sql") < LIMIT_MB
    assert archived(tmp_path) == 1_000_000


@pytest.mark.campaign
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_million_rows_are_written_as_a_stream(tmp_path: Path, ending: str) -> None:
    write(tmp_path, "rows.csv.gz", 1_000_000)
    path = f"out/{{source}}/%Y-%m-%d.{ending}"
    assert peak_mb(tmp_path, "rows.csv.gz", f"use = files\npath = {path}\ndate-column = day") < LIMIT_MB
    assert len(list((tmp_path / "out/rows").iterdir())) == len(DAYS)
