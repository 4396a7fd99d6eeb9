"""`monolith check`, `plan`, `status` and `runs`, with a real storage in SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.scripted import Job, make_job

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main
from monolith_core.events import Run
from monolith_core.storage import Storage

RUN = "from monolith_core.cli.main import main; main()"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    return make_job(monkeypatch, tmp_path)


def test_check_connects_to_everything_and_writes_nothing(job: Job) -> None:
    before = job.files()
    done = job.monolith("check")
    assert (done.exit_code, done.stderr) == (0, "")
    configuration, storage, source, target = done.stdout.splitlines()
    assert configuration.startswith("ok      configuration ")
    assert configuration.endswith("1 source, 1 target, 1 phase")
    assert "nothing there yet, the first run makes it" in storage
    assert source.startswith("ok      source visits")
    assert source.endswith("fine")
    assert target.startswith("ok      target sql")
    assert job.files() == before
    job.extract()
    assert "nothing there yet" not in job.monolith("check").stdout


def test_check_says_what_fails_and_goes_on(job: Job) -> None:
    job.change("use = scripted", "use = scripted\nconnection = error wrong password\x1b[2J for mysql://u:secret-one@h")
    job.add("database = sqlite:///%(here)s/no/such/folder.sqlite\n")
    done = job.monolith("check")
    assert done.exit_code == 1
    _, _, source, target = done.stdout.splitlines()
    assert source.startswith("failed  source visits")
    assert source.endswith(r"wrong password\x1b[2J for mysql://u:***@h")
    assert target.startswith("failed  target sql")


def test_check_waits_only_so_long(job: Job) -> None:
    job.change("use = scripted", "use = scripted\nconnection = hang")
    done = job.monolith("check", "--timeout", "0.2s")
    assert done.exit_code == 1
    assert "failed  source visits" in done.stdout
    assert "no answer within 0.2s" in done.stdout
    assert "ok      target sql" in done.stdout


def test_check_of_a_plugin_without_one(job: Job) -> None:
    job.change("use = scripted", "use = plain")
    done = job.monolith("check")
    assert done.exit_code == 0
    assert "-       source visits" in done.stdout
    assert "offers no check" in done.stdout
    assert [each["status"] for each in job.json("check")] == ["ok", "ok", "none", "ok"]


def test_check_of_a_storage_that_is_none(job: Job) -> None:
    (job.folder / "archive.sqlite").write_text("this is no database, however long one reads " * 100)
    done = job.monolith("check")
    assert done.exit_code == 1
    assert "failed  storage" in done.stdout


@pytest.mark.parametrize("timeout", ["soon", "0"])
def test_check_with_a_limit_that_is_none(job: Job, timeout: str) -> None:
    assert job.monolith("check", "--timeout", timeout).exit_code == 2


def test_faults_are_lines_for_every_command(job: Job) -> None:
    job.change("timezone = UTC", "timezone = Nowhere\nretires = 3")
    for command in ("check", "plan", "status", "runs"):
        done = job.monolith(command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 2


def test_plan_shows_each_partition_and_its_reason(job: Job) -> None:
    job.extract("--start-date", "2024-01-03", "--end-date", "2024-01-09")
    job.script({"2024-01-09": "permanent: gone"})
    job.extract("--date", "2024-01-09", "--force")
    before = (job.folder / "archive.sqlite").stat().st_mtime_ns
    lines = [line.split() for line in job.monolith("plan").stdout.splitlines()]
    assert lines == [
        ["phase", "source", "day", "target", "reason"],
        ["extract", "visits", "2024-01-10", "sql", "new"],
        ["extract", "visits", "2024-01-09", "sql", "failed"],
        ["extract", "visits", "2024-01-02", "sql", "new"],
        ["extract", "visits", "2024-01-01", "sql", "new"],
    ]
    summary = [line.split()[2:] for line in job.monolith("plan", "--summary").stdout.splitlines()[1:]]
    assert summary == [
        ["2024-01-10", "sql", "new"],
        ["2024-01-09", "sql", "failed"],
        ["2024-01-01..2024-01-02", "sql", "new"],
    ]
    assert job.json("plan", "--date", "2024-01-09") == [
        {
            "phase": "extract",
            "via": "visits",
            "source": "visits",
            "target": "sql",
            "date": "2024-01-09",
            "reason": "failed",
        }
    ]
    assert (job.folder / "archive.sqlite").stat().st_mtime_ns == before


def test_plan_of_nothing(job: Job) -> None:
    job.extract()
    assert job.monolith("plan").stdout == "nothing is due\n"
    assert job.json("plan") == []
    assert len(job.json("plan", "--force")) == 10


def test_a_since_in_the_future_is_told(job: Job) -> None:
    job.change("since = 2024-01-01\nuntil = 2024-01-10", "since = 2942-01-01")
    told = "visits: no day is wanted before 2942-01-01, and today is 20"
    assert job.monolith("plan").stdout.startswith(f"nothing is due\n{told}")
    done = job.extract("--log-level", "warning")
    assert done.exit_code == 0
    assert told in done.stderr
    assert told not in job.monolith("plan", "--date", "2024-01-01").stdout


def test_plan_refuses_days_that_are_none(job: Job) -> None:
    assert job.monolith("plan", "--end-date", "2024-01-01").exit_code == 2


def test_status_of_nothing(job: Job) -> None:
    before = job.files()
    assert job.monolith("status").stdout == "visits into sql: nothing yet; phase extract writes it\n"
    assert job.json("status") == {"sources": [], "troubles": [], "remarks": []}
    assert job.files() == before


def test_status_is_a_calendar(job: Job) -> None:
    job.script({f"2024-01-{day:02}": [{"n": 1}] for day in range(1, 9)} | {"2024-01-04": "permanent: no \x07 table"})
    job.change("since", "span = 1\nsince")
    job.extract("--start-date", "2024-01-02", "--end-date", "2024-01-09")
    done = job.monolith("status")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "visits into sql: final up to 2024-01-09, 6 records, 1 failed, 2 missing",
        "           1   5    10   15   20   25   30",
        "  2024-01  ·■■✗■■■■○·",
        "",
        "■ final   ○ no records   ✗ failed   · missing",
        "",
        "needs a look",
        r"  failed  visits 2024-01-04 into sql: no \x07 table",
        "failed: due again in the next run; if it does not pass by itself, mend the source or the configuration",
    ]


def test_status_misses_what_the_plan_lists(job: Job) -> None:
    job.change("since = 2024-01-01\nuntil = 2024-01-10\n", "")
    job.extract("--date", "2024-01-05")
    (strip,) = job.json("status")["sources"]
    missing = {day for day, mark in strip["days"].items() if mark == "missing"}
    assert missing == {due["date"] for due in job.json("plan")}
    assert strip["days"].keys() - missing == {"2024-01-05"}


def test_status_as_json(job: Job) -> None:
    job.script({"2024-01-10": [{"n": 1}], "2024-01-09": "permanent: no"})
    job.change("since", "span = 1\nsince")
    job.extract("--start-date", "2024-01-09", "--end-date", "2024-01-10")
    found = job.json("status")
    (strip,) = found["sources"]
    assert (strip["source"], strip["via"], strip["target"]) == ("visits", "visits", "sql")
    assert (strip["newest_final"], strip["records"]) == ("2024-01-10", 1)
    assert strip["days"]["2024-01-10"] == "final"
    assert strip["days"]["2024-01-09"] == "failed"
    assert strip["counts"] == {"missing": 8, "failed": 1, "final": 1}
    (trouble,) = found["troubles"]
    assert (trouble["state"], trouble["date"], trouble["error"]) == ("failed", "2024-01-09", "no")


@pytest.mark.parametrize(
    ("options", "days"),
    [
        (["--month", "2024-01"], 10),
        (["--month", "2024-02"], 0),
        (["--year", "2024"], 10),
        (["--year", "2023"], 0),
        (["--start-date", "2024-01-03"], 8),
        (["--end-date", "2024-01-03"], 3),
        (["--start-date", "2024-01-03", "--end-date", "2024-01-04"], 2),
        (["--source", "visits", "--target", "sql"], 10),
        (["--month", "2024-12"], 0),
        (["--month", "9999-12"], 0),
    ],
)
def test_status_of_some_days(job: Job, options: list[str], days: int) -> None:
    job.extract()
    found = job.json("status", *options)["sources"]
    assert sum(len(strip["days"]) for strip in found) == days
    if not days:
        assert job.monolith("status", *options).stdout == "nothing is archived in these days\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--month", "2024-1"], "is no month; write YYYY-MM"),
        (["--month", "2024-13"], "'2024-13' is no month; write YYYY-MM"),
        (["--month", "0000-01"], "'0000-01' is no month"),
        (["--year", "24"], "is no year"),
        (["--year", "0000"], "is no year"),
        (["--start-date", "x"], "is no day"),
        (["--start-date", "2024-01-02", "--end-date", "2024-01-01"], "before it starts"),
        (["--month", "2024-01", "--year", "2024"], "exclude each other"),
        (["--source", "vists"], "did you mean visits?"),
        (["--target", "sqk"], "did you mean sql?"),
    ],
)
def test_status_refuses(job: Job, options: list[str], expected: str) -> None:
    done = job.monolith("status", *options)
    assert done.exit_code == 2
    assert expected in " ".join(done.stderr.split())


def test_status_lists_so_many_troubles(job: Job) -> None:
    job.change("since = 2024-01-01", "span = 1\nsince = 2023-12-01")
    day = [f"2023-12-{number:02}" for number in range(1, 31)]
    job.script({each: f"permanent: no {each}" for each in day})
    job.extract()
    lines = job.monolith("status").stdout.splitlines()
    assert sum(line.startswith("  failed") for line in lines) == 20
    assert "  and 10 more; --json lists each" in lines


def test_runs(job: Job) -> None:
    assert job.monolith("runs").stdout == "no run yet\n"
    job.extract()
    job.script({"2024-01-01": "permanent: no"})
    job.extract("--force", "--date", "2024-01-01")
    header, last, first = job.monolith("runs").stdout.splitlines()
    assert header.split() == ["started", "took", "status", "phases", "partitions", "process", "error"]
    assert " incomplete  extract  1 failed " in last
    assert " ok          extract  10 done " in first
    (run,) = job.json("runs", "--limit", "1")
    assert (run["status"], run["phases"], run["counts"]["failed"]) == ("incomplete", ["extract"], 1)
    assert run["seconds"] >= 0


def test_a_run_that_never_said_how_it_ended(job: Job) -> None:
    job.extract()
    storage = Storage.open(f"sqlite:///{job.folder}/archive.sqlite")
    started = storage.runs.recent(1)[0].started
    storage.runs.start(Run("b", "job.ini", ("extract",), started.replace(year=started.year + 1), "elsewhere", 1))
    storage.close()
    run = job.json("runs")[0]
    assert (run["status"], run["finished"], run["seconds"]) == ("running", None, None)
    _, line, _ = job.monolith("runs").stdout.splitlines()
    assert line.split()[2:] == ["running", "extract", "elsewhere", "1"], "what it did is not known"


def test_help_of_everything_says_how_to_use_it() -> None:
    for name, command in main.commands.items():
        done = CliRunner().invoke(main, [name, "--help"])
        assert done.exit_code == 0
        assert len(command.get_short_help_str(200).splitlines()) == 1
        for parameter in command.params:
            # An argument has no help of its own in click: the usage line names it, and the text above says what it is.
            assert getattr(parameter, "help", None) or isinstance(parameter, click.Argument), f"{name} {parameter.name}"


def test_what_standard_output_cannot_have_is_escaped(job: Job) -> None:
    job.script({"2024-01-10": "permanent: la contraseña caducó"})
    ascii_only = CliRunner(charset="ascii")
    logged = ascii_only.invoke(extract, [str(job.config), "--date", "2024-01-10", "--log-output", "-"])
    assert r"la contrase\xf1a caduc\xf3" in logged.stdout
    shown = ascii_only.invoke(main, ["status", str(job.config)])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert r"la contrase\xf1a caduc\xf3" in shown.stdout
    for done in (
        ascii_only.invoke(main, ["status", str(job.config), "--json"]),
        ascii_only.invoke(extract, [str(job.config), "--date", "2024-01-10", "--report", "-"]),
    ):
        json.loads(done.stdout)
        assert r"la contrase\u00f1a caduc\u00f3" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_standard_output_on_a_full_disk_is_an_error_of_one_line(job: Job, options: tuple[str, ...]) -> None:
    job.extract()
    site = os.pathsep.join([str(job.folder.parent / "site"), os.environ.get("PYTHONPATH", "")])
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "runs", str(job.config), *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": site},
        )
    assert (done.returncode, done.stderr) == (
        1,
        "standard output: No space left on device; make room, or write elsewhere\n",
    )


def test_the_log_level_shows_the_traceback_of_a_bug(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(Storage, "open", broken)
    done = job.monolith("runs")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("this is a bug in monolith-core")
    shown = CliRunner().invoke(main, ["--log-level", "debug", "runs", str(job.config)])
    assert "Traceback" in shown.stderr


def test_no_colour_where_none_is_wanted(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.extract()
    arguments = ["status", str(job.config)]
    assert "\x1b[" in CliRunner().invoke(main, arguments, color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(main, arguments, color=True).stdout


def test_signs_that_the_terminal_has(job: Job) -> None:
    job.extract()
    done = CliRunner(charset="ascii").invoke(main, ["status", str(job.config)])
    assert "  2024-01  ##########" in done.stdout


def test_output_of_programs_is_utf_8(job: Job) -> None:
    job.script({"2024-01-01": "permanent: señor"})
    job.extract()
    assert "señor" in job.monolith("status", "--json").stdout
    assert json.loads(job.monolith("status", "--json").stdout)["troubles"]
