"""Files archived by the commands, as a user runs them: days come when their files do, and again when these change."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith

CONFIG = """\
[monolith]
database = sqlite:///archive.sqlite
since = 2024-02-27
until = 2024-03-01
retries = 0
[phase:extract]
sources = installs
targets = archive
[source:installs]
use = files
path = exports/%Y-%m-%d.csv
[target:archive]
use = sql
"""


class Job:
    """A folder with a configuration and files, and commands that are run from elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "job.ini"
        self.config.write_text(CONFIG)
        (folder / "exports").mkdir()
        for day in ("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"):
            self.put(f"{day}.csv", f"n,day\n1,{day}\n2,{day}\n")

    def put(self, name: str, content: str | bytes) -> None:
        (self.folder / "exports" / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def change(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def extract(self, *options: str, expect: int = 0) -> str:
        """What `monolith-extract` says of each day, and of nothing else."""
        report = self.folder / "report.json"
        done = CliRunner().invoke(extract, [str(self.config), "--report", str(report), *options])
        assert done.exit_code == expect, done.output
        return done.output

    def outcomes(self, *options: str, expect: int = 0) -> dict[str, int]:
        """How many days had each outcome."""
        self.extract(*options, expect=expect)
        counts = json.loads((self.folder / "report.json").read_text())["counts"]
        return {name: counts[name] for name in ("done", "unchanged", "failed", "held", "deferred") if counts[name]}

    def monolith(self, command: str, *options: str) -> Result:
        return CliRunner().invoke(monolith, [command, str(self.config), *options])

    def reasons(self) -> dict[str, str]:
        """Why each day is due now."""
        plan = json.loads(self.monolith("plan", "--json").stdout)
        return {str(each["date"]): each["reason"] for each in plan}

    def archived(self) -> list[tuple[str, Any]]:
        with closing(sqlite3.connect(self.folder / "archive.sqlite")) as connection:
            rows = connection.execute("SELECT date, data FROM record ORDER BY date, data").fetchall()
        return [(day, json.loads(data)) for day, data in rows]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_files_are_archived_and_then_nothing_is_due(job: Job) -> None:
    assert job.outcomes() == {"done": 4}
    assert job.archived()[:2] == [
        ("2024-02-27", {"day": "2024-02-27", "n": 1}),
        ("2024-02-27", {"day": "2024-02-27", "n": 2}),
    ]
    assert job.reasons() == {}
    assert job.outcomes() == {}


def test_a_file_that_changed_makes_its_day_due_and_only_that(job: Job) -> None:
    job.extract()
    job.put("2024-02-28.csv", "n,day\n1,2024-02-28\n3,2024-02-28\n")
    os.utime(job.folder / "exports/2024-02-28.csv", (1, 1))
    assert job.reasons() == {"2024-02-28": "changed"}
    assert job.outcomes() == {"done": 1}
    assert [data["n"] for day, data in job.archived() if day == "2024-02-28"] == [1, 3]
    assert job.reasons() == {}


def test_a_file_that_was_only_touched_is_read_once_and_writes_nothing(job: Job) -> None:
    job.extract()
    os.utime(job.folder / "exports/2024-02-28.csv", (1, 1))
    assert job.outcomes() == {"unchanged": 1}
    assert job.outcomes() == {}


def test_days_wait_for_their_files(job: Job) -> None:
    (job.folder / "exports/2024-02-28.csv").rename(job.folder / "late.csv")
    assert job.outcomes(expect=1) == {"done": 3, "failed": 1}
    job.change("[source:installs]\n", "[source:installs]\nmissing = wait\n")
    assert job.outcomes() == {"deferred": 1}
    assert "waits for" in job.monolith("status").stdout
    (job.folder / "late.csv").rename(job.folder / "exports/2024-02-28.csv")
    assert job.outcomes() == {"done": 1}
    assert job.reasons() == {}


def test_a_day_without_a_file_may_be_empty_and_come_to_have_one(job: Job) -> None:
    (job.folder / "exports/2024-02-28.csv").rename(job.folder / "late.csv")
    job.change("[source:installs]\n", "[source:installs]\nmissing = empty\n")
    assert job.outcomes() == {"done": 4}
    assert job.reasons() == {}
    (job.folder / "late.csv").rename(job.folder / "exports/2024-02-28.csv")
    assert job.reasons() == {"2024-02-28": "changed"}
    assert job.outcomes() == {"done": 1}


def test_files_that_are_gone_take_nothing_with_them(job: Job) -> None:
    job.extract()
    for file in (job.folder / "exports").iterdir():
        file.unlink()
    assert job.outcomes() == {}
    assert job.outcomes("--force", expect=1) == {"failed": 4}
    assert len(job.archived()) == 8


def test_a_broken_file_fails_its_day_and_no_other(job: Job) -> None:
    job.put("2024-02-28.csv", 'n,day\n1,"2024\n')
    said = job.extract(expect=1)
    assert re.search(r"2024-02-28 into archive failed: \S+/exports/2024-02-28.csv:2: a quote that is opened", said)
    assert {day for day, _ in job.archived()} == {"2024-02-27", "2024-02-29", "2024-03-01"}


def test_a_file_of_all_days(job: Job) -> None:
    rows = [f"2024-0{month}-{day:02},{n}\n" for month in (1, 2, 3) for day in (1, 27, 28, 29) for n in range(3)]
    job.put("all.csv.gz", gzip.compress(("day,n\n" + "".join(rows)).encode()))
    job.change("exports/%Y-%m-%d.csv", "exports/all.csv.gz\ndate-column = day")
    assert job.outcomes() == {"done": 4}
    assert {day for day, _ in job.archived()} == {"2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"}
    assert job.reasons() == {}
    job.put("all.csv.gz", gzip.compress(b"day,n\n2024-02-27,5\n"))
    assert set(job.reasons().values()) == {"changed"}
    assert job.outcomes(expect=1) == {"held": 4}
    assert len(job.archived()) == 12


def test_other_options_that_decide_about_the_data_make_all_days_due(job: Job) -> None:
    job.extract()
    job.change("[source:installs]\n", "[source:installs]\ntypes = n: float\n")
    assert set(job.reasons().values()) == {"config changed"}
    assert job.outcomes() == {"done": 4}
    assert job.archived()[0][1]["n"] == 1.0
    job.change("exports/%Y", "exports/../exports/%Y")
    job.change("types = n: float\n", "types = n: float\nmissing = wait\noption.x = y\n")
    assert job.reasons() == {}


def test_check_and_faults_of_the_configuration(job: Job) -> None:
    done = job.monolith("check")
    assert done.exit_code == 0, done.output
    assert f"4 files of 2024-02-27 to 2024-03-01; {job.folder}/exports/2024-03-01.csv begins with day, n" in done.output
    job.change("exports/%Y-%m-%d.csv", "exports/%Y-%m-%q.csv")
    job.change("[source:installs]\n", "[source:installs]\nmising = wait\n")
    done = job.monolith("check")
    assert done.exit_code == 2
    assert "job.ini:12: option path of [source:installs]: %q is no field of a path; expected %Y %y %m" in done.output
    assert "[source:installs] has no option mising; did you mean missing?" in done.output


def test_percent_here_is_the_folder_and_other_percents_stand_for_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "100%Y [a]*"
    folder.mkdir()
    job = Job(folder)
    job.change("path = exports", "path = %(here)s/exports")
    assert job.outcomes() == {"done": 4}
    job.change("path = %(here)s/", "path = ")
    assert job.reasons() == {}


def test_passwords_of_the_file_system_are_not_shown(job: Job) -> None:
    job.change(
        "path = exports/%Y-%m-%d.csv", "path = nothing://reader:hunter22@host/%Y-%m-%d.csv\noption.key = s3cr3t-k3y"
    )
    for done in (job.monolith("check"), job.monolith("plan"), CliRunner().invoke(extract, [str(job.config)])):
        assert "nothing" in done.output
        assert "hunter22" not in done.output
        assert "s3cr3t" not in done.output


# --- files as a target

COPY = """\
[phase:load]
sources = archive
targets = lake
[source:archive]
use = sql
[target:lake]
use = files
path = lake/{source}/%Y-%m-%d.jsonl
"""


@pytest.fixture
def lake(job: Job) -> Job:
    """A job that also copies its archive into files."""
    job.config.write_text(job.config.read_text() + COPY)
    return job


def contents(job: Job) -> dict[str, list[Any]]:
    """What the files of the lake say, by day."""
    return {
        path.stem: sorted(json.loads(line)["data"]["n"] for line in path.read_text().splitlines())
        for path in sorted((job.folder / "lake/installs").iterdir())
    }


ALL = {day: [1, 2] for day in ("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01")}


def test_the_archive_is_copied_into_files_which_follow_it(lake: Job) -> None:
    assert lake.outcomes() == {"done": 8}
    assert contents(lake) == ALL
    assert lake.outcomes() == {}
    lake.put("2024-02-28.csv", "n,day\n1,2024-02-28\n3,2024-02-28\n")
    assert lake.outcomes() == {"done": 2}
    assert contents(lake) == ALL | {"2024-02-28": [1, 3]}


def test_files_are_compared_and_repaired(lake: Job) -> None:
    lake.extract()
    folder = lake.folder / "lake/installs"
    assert lake.monolith("reconcile", "--deep").exit_code == 0
    (folder / "2024-02-27.jsonl").unlink()
    changed = (folder / "2024-02-28.jsonl").read_text().replace('"n":1', '"n":7')
    (folder / "2024-02-28.jsonl").write_text(changed)
    with (folder / "2024-02-29.jsonl").open("a") as file:
        file.write('{"half a')
    found = lake.monolith("reconcile", "--json")
    assert found.exit_code == 1
    kinds = {each["date"]: each["kind"] for each in json.loads(found.stdout)["differences"]}
    assert kinds == {"2024-02-27": "missing", "2024-02-28": "different", "2024-02-29": "different"}
    repaired = lake.monolith("reconcile", "--repair")
    assert repaired.exit_code == 0, repaired.output
    assert contents(lake) == ALL
    assert lake.outcomes() == {}


def test_another_path_is_filled_anew(lake: Job) -> None:
    lake.extract()
    lake.change("lake/{source}/%Y-%m-%d.jsonl", "lake/{source}/%Y-%m-%d.csv")
    assert lake.outcomes() == {"done": 4}
    assert len(list((lake.folder / "lake/installs").iterdir())) == 8


@pytest.mark.server
@pytest.mark.parametrize("fault", ["replacing:6", "delivering:6", "replaced:6", "recorded:6", "committed:6"])
def test_a_run_that_is_killed_leaves_whole_files_and_the_next_one_goes_on(lake: Job, fault: str) -> None:
    program = Path(sys.executable).parent / "monolith-extract"
    killed = subprocess.run(
        [program, lake.config], env={**os.environ, "MONOLITH_FAULT": fault}, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    folder = lake.folder / "lake/installs"
    for path in folder.glob("2*"):
        assert [json.loads(line)["source"] for line in path.read_text().splitlines()] == ["installs"] * 2
    lake.extract("--wait")
    assert contents(lake) == ALL
    assert [path.name for path in folder.glob(".*")] == []
    assert lake.monolith("reconcile", "--deep").exit_code == 0


def test_records_go_to_standard_output_once(job: Job) -> None:
    job.change("use = sql\n", "use = files\npath = -\n")
    first = job.extract()
    lines = [json.loads(line) for line in first.splitlines() if line.startswith("{")]
    assert sorted((line["date"], line["data"]["n"]) for line in lines) == [(day, n) for day in ALL for n in (1, 2)]
    assert "{" not in job.extract()
    assert job.extract("--force", "--date", "2024-02-28").count('"category":"installs"') == 2


def test_standard_output_is_no_difference(job: Job) -> None:
    job.change("use = sql\n", "use = files\npath = -\n")
    job.extract()
    found = job.monolith("reconcile", "--deep")
    assert (found.exit_code, found.output) == (0, "archive: not compared, it cannot tell what it holds\n")
    named = job.monolith("reconcile", "--target", "archive")
    assert named.exit_code == 2
    assert "--target: archive cannot tell what it holds; name another target" in named.output


def test_many_windows_at_once(job: Job) -> None:
    job.change("[source:installs]\n", "[source:installs]\njobs = 4\nspan = 1\n")
    assert job.outcomes() == {"done": 4}
    assert len(job.archived()) == 8


def test_the_example_runs(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples/files.ini"
    (tmp_path / "files.ini").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/installs-2024-02-28.csv").write_text("app,code,price\nmaps,007,1.50\n")
    days = ("--start-date", "2024-02-28", "--end-date", "2024-02-29")
    done = CliRunner().invoke(extract, [str(tmp_path / "files.ini"), *days])
    assert done.exit_code == 0, done.output
    assert "1 done, 1 deferred, 1 record" in done.output
    with closing(sqlite3.connect(tmp_path / "archive.sqlite")) as connection:
        rows = connection.execute("SELECT date, category, data FROM record").fetchall()
    assert rows == [("2024-02-28", "install", '{"app":"maps","code":"007","price":1.50}')]
