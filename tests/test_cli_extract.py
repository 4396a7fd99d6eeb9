"""`monolith-extract`: options, output and exit statuses, with a real storage and archive in SQLite."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from support.scripted import Job, make_job

import monolith_core
from monolith_core.cli import work
from monolith_core.cli.extract import main
from monolith_core.cli.main import main as monolith
from monolith_core.runner import Request

SCHEMA = json.loads((Path(__file__).parent.parent / "docs/report-schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    return make_job(monkeypatch, tmp_path)


def report_of(job: Job, *options: str) -> dict[str, object]:
    job.extract("--report", str(job.folder / "report.json"), *options)
    report: dict[str, object] = json.loads((job.folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    return report


def test_everything_due_is_done(job: Job) -> None:
    done = job.extract()
    assert (done.exit_code, done.stdout) == (0, "")
    first, last = done.stderr.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d info    ", first)
    assert first.endswith("extract: visits 2024-01-01..2024-01-10 into sql: 10 done, 40 records (40 added, 0 removed)")
    assert "10 done, 40 records, 40 added and 0 removed, in" in last
    assert job.held() == 40


def test_nothing_due_is_one_line(job: Job) -> None:
    job.extract()
    again = job.extract()
    assert (again.exit_code, again.stdout) == (0, "")
    (line,) = again.stderr.splitlines()
    assert line.endswith("nothing is due")
    assert job.extract("--log-level", "warning").output == ""


def test_a_failure_is_in_the_log_the_report_and_the_status(job: Job) -> None:
    job.script({"2024-01-01": "permanent: no such table"})
    done = job.extract()
    assert done.exit_code == 1
    assert "error   extract: visits 2024-01-01..2024-01-10 into sql failed: no such table" in done.stderr
    assert "failed days are due again in the next run" in done.stderr.splitlines()[-1]
    report = report_of(job)
    assert (report["status"], report["exit_status"]) == ("incomplete", 1)
    assert {each["error"] for each in report["partitions"]} == {"no such table"}  # type: ignore[attr-defined]


def test_a_held_day_says_how_to_accept_it(job: Job) -> None:
    job.extract()
    job.script({})
    held = job.extract("--date", "2024-01-05", "--force")
    assert held.exit_code == 0, "forced days are accepted"
    job.change("until = 2024-01-10", "until = 2024-01-10\nsettle = 3650d")
    held = job.extract()
    assert held.exit_code == 1
    assert "--source visits --date 2024-01-04 --force" in held.stderr
    assert "9 held" in held.stderr.splitlines()[-1]
    assert "accept them with --force" in held.stderr.splitlines()[-1]
    assert job.held() == 36


def test_deferred_is_no_failure(job: Job) -> None:
    job.script({"2024-01-01": "deferred: the quota is used up"})
    done = job.extract()
    assert done.exit_code == 0
    assert "deferred: the quota is used up" in done.stderr


@pytest.mark.parametrize(
    ("options", "days"),
    [
        (["--date", "2024-01-05"], 1),
        (["--start-date", "2024-01-05", "--end-date", "2024-01-07"], 3),
        (["--source", "visits"], 10),
    ],
)
def test_days_and_sources_limit_a_run(job: Job, options: list[str], days: int) -> None:
    assert job.extract(*options).exit_code == 0
    assert job.held() == 4 * days


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--date", "2024-02-30"], "--date: '2024-02-30' is not in the calendar"),
        (["--date", "someday"], "--date: 'someday' is no day; write today, yesterday"),
        (["--date", "2999-01-01"], "is in the future"),
        (["--date", "today", "--start-date", "2024-01-01"], "--date excludes --start-date and --end-date"),
        (["--end-date", "2024-01-01"], "--end-date needs --start-date"),
        (["--start-date", "2024-01-02", "--end-date", "2024-01-01"], "is before the first"),
        (["--source", "vists"], "--source: got 'vists', expected a source of"),
        (["--plan", "--purge-only"], "--plan and --purge-only exclude each other"),
        (["--json"], "--json goes with"),
        (["--verbose"], "--verbose goes with"),
        (["--report", "-", "--log-output", "-"], "cannot both go to standard output"),
        (["--report", "/nowhere/at/all.json"], "there is no folder"),
        (["--report", "/"], "is a folder"),
        (["--log-output", "/nowhere/at/all.log"], "--log-output: /nowhere/at/all.log: No such file"),
        (["--retries", "many"], "not a valid integer"),
        (["--jobs", "0"], "not in the range"),
        (["--log-level", "loud"], "is not one of"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_usage_errors_touch_nothing(job: Job, options: list[str], expected: str) -> None:
    before = job.files()
    done = job.extract(*options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert expected in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert job.files() == before


def test_a_misspelt_source_has_a_suggestion(job: Job) -> None:
    assert "did you mean visits?" in job.extract("--source", "vists").stderr


def test_a_source_that_only_the_ledger_knows_is_accepted(job: Job) -> None:
    job.extract()
    job.change("visits\ntargets", "clicks\ntargets")
    job.change("[source:visits]", "[source:clicks]")
    assert job.extract("--source", "visits").exit_code == 0


def test_faults_of_the_configuration_are_lines(job: Job) -> None:
    job.change("timezone = UTC", "timezone = Nowhere\nretires = 3")
    before = job.files()
    done = job.extract()
    assert (done.exit_code, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(re.match(r".*job\.ini:\d+: ", line) for line in lines)
    assert job.files() == before


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path / "none.ini")])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1


def test_the_command_line_wins_over_the_file(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(work, "work", lambda config, request, output: seen.append((config, request)) or 0)
    job.extract("--retries", "7", "--jobs", "3", "--batch-size", "11", "--wait", "--force", "--date", "2024-01-05")
    ((config, request),) = seen
    assert (config.sources["visits"].options.retries, config.sources["visits"].options.jobs) == (7, 3)
    assert config.targets["sql"].options.batch_size == 11
    assert (request.wait, request.force, len(request.days)) == (True, True, 1)
    job.extract()
    assert seen[1][1] == Request()


def test_a_phase_can_be_replayed(job: Job) -> None:
    job.add(
        "database = sqlite:///%(here)s/archive.sqlite\n[phase:load]\nsources = archive\ntargets = copy\n"
        "[source:archive]\nuse = sql\n[target:copy]\nuse = sql\ndatabase = sqlite:///%(here)s/copy.sqlite\n"
    )
    assert job.extract("--sequence", "load").stderr.endswith("nothing is due\n")
    done = job.extract("--sequence", "extract, load")
    assert done.exit_code == 0
    assert "extract: 10 done in" in done.stderr
    assert "load: 10 done in" in done.stderr
    unknown = job.extract("--sequence", "laod")
    assert unknown.exit_code == 2
    assert "did you mean load?" in unknown.stderr


def test_the_plan_touches_nothing(job: Job) -> None:
    before = job.files()
    done = job.extract("--plan")
    assert done.exit_code == 0
    header, newest, *rest = done.stdout.splitlines()
    assert header.split() == ["phase", "source", "day", "target", "reason"]
    assert newest.split() == ["extract", "visits", "2024-01-10", "sql", "new"]
    assert len(rest) == 9
    assert len(json.loads(job.extract("--plan", "--json").stdout)) == 10
    assert job.files() == before


def test_purging_alone(job: Job) -> None:
    done = job.extract("--purge-only")
    assert done.exit_code == 0
    assert "nothing to purge" in done.stderr
    assert done.stderr.endswith("purging is over\n")


def test_the_report_has_its_schema(job: Job) -> None:
    report = report_of(job)
    assert (report["status"], report["exit_status"], report["partitions"]) == ("ok", 0, [])
    assert report["counts"]["done"] == 10  # type: ignore[index]
    assert report_of(job)["counts"]["due"] == 0  # type: ignore[index]
    assert not [name for name in job.files() if name.endswith(".new")]


def test_the_report_on_standard_output(job: Job) -> None:
    done = job.extract("--report", "-")
    assert json.loads(done.stdout)["counts"]["records"] == 40
    assert "40 records" in done.stderr


def test_a_report_replaces_the_old_one_and_goes_through_links(job: Job) -> None:
    (job.folder / "real.json").write_text("old")
    (job.folder / "report.json").symlink_to(job.folder / "real.json")
    report_of(job)
    assert (job.folder / "report.json").is_symlink()
    assert json.loads((job.folder / "real.json").read_text())["status"] == "ok"
    assert job.extract("--report", "/dev/null").exit_code == 0


def test_a_run_that_breaks_off_has_a_report(job: Job) -> None:
    (job.folder / "archive.sqlite").mkdir()
    report = report_of(job)
    assert (report["status"], report["exit_status"], report["run"]) == ("error", 1, "")
    assert (report["config"], report["host"], report["pid"]) == (str(job.config), socket.gethostname(), os.getpid())
    assert str(report["started"]) <= str(report["finished"])
    assert "archive.sqlite" in str(report["error"])
    done = job.extract()
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert " error   " in done.stderr
    assert "Traceback" not in done.stderr
    logged = job.extract("--log-output", str(job.folder / "log"))
    assert str(report["error"]) in logged.stderr, "cron must hear of it although the log goes elsewhere"
    assert str(report["error"]) in (job.folder / "log").read_text()


def test_a_report_that_cannot_be_written_is_a_failure(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = job.extract("--report", str(job.folder / "report.json"))
    assert done.exit_code == 1
    assert "--report:" in done.stderr
    assert "No space left on device" in done.stderr
    assert not [name for name in job.files() if "report" in name]


def test_the_log_as_json(job: Job) -> None:
    job.script({"2024-01-01": "permanent: no"})
    done = job.extract("--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["failed", "run_finished"]
    assert lines[0]["level"] == "error"
    assert lines[0]["days"][0] == "2024-01-01"
    assert lines[-1]["counts"]["failed"] == 10


def test_the_log_in_a_file_is_appended_to(job: Job) -> None:
    for _ in range(2):
        assert job.extract("--log-output", str(job.folder / "log")).output == ""
    assert len((job.folder / "log").read_text().splitlines()) == 3
    assert "nothing is due" in job.extract("--log-output", "-").stdout


def test_progress_where_it_is_asked_for(job: Job) -> None:
    done = job.extract("--progress")
    assert done.exit_code == 0
    assert "10/10" in done.stderr
    assert "10 done" in done.stderr
    assert "into sql" not in done.stderr, "the display has it"
    assert "\x1b[" not in job.extract("--no-progress").stderr


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert work.Output().shows_progress
    assert not work.Output(progress=False).shows_progress
    assert not work.Output(log_format="json").shows_progress
    assert work.Output(log_format="json", log_output="log").shows_progress
    monkeypatch.setenv("TERM", "dumb")
    assert not work.Output().shows_progress
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert not work.Output().shows_progress


@pytest.mark.parametrize("error", [RuntimeError("oops"), ExceptionGroup("", [RuntimeError("oops")])])
def test_an_unexpected_error_is_one_line(job: Job, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def broken(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(work, "run", broken)
    done = job.extract()
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "this is a bug in monolith-core" in line
    assert "RuntimeError: oops" in line
    assert "Traceback" in job.extract("--log-level", "debug").stderr


def test_ctrl_c_before_the_run_exits_with_130(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "run", interrupted)
    assert job.extract().exit_code == 130


def test_secrets_are_in_no_output(job: Job) -> None:
    job.change("use = scripted", "use = scripted\npassword = hunter-two")
    job.script({"2024-01-01": "permanent: user:hunter-two was refused by mysql://u:p4ssw0rd@host/x"})
    report = report_of(job, "--log-output", str(job.folder / "log"))
    text = json.dumps(report) + (job.folder / "log").read_text()
    assert "p4ssw0rd" not in text
    assert "hunter-two" not in text
    assert "user:*** was refused" in text
    assert "mysql://u:***@host/x" in text


def test_lists_plugins_without_a_configuration() -> None:
    done = CliRunner().invoke(main, ["--list-plugins"])
    assert done.exit_code == 0
    assert re.search(r"source +sql +monolith-plugin-sql", done.stdout)
    listed = json.loads(CliRunner().invoke(main, ["--list-plugins", "--json", "--verbose"]).stdout)
    assert {"source", "target", "executor"} <= {each["kind"] for each in listed}
    missing = CliRunner().invoke(main, [])
    assert missing.exit_code == 2
    assert "Missing argument 'CONFIG'" in missing.stderr


def python(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_python_m_is_the_command() -> None:
    done = python("-m", "monolith_core", "--version")
    assert (done.returncode, done.stdout) == (0, f"monolith-extract {monolith_core.__version__}\n")


@pytest.mark.parametrize(
    ("option", "unneeded"),
    [
        ("--version", "asyncio pydantic sqlalchemy rich trio alembic msgspec tenacity pluggy stevedore"),
        ("--list-plugins", "pydantic sqlalchemy rich trio alembic msgspec tenacity monolith_plugins_sql"),
    ],
)
def test_what_is_quick_loads_little(option: str, unneeded: str) -> None:
    code = (
        "import sys; from monolith_core.cli.extract import main; main([sys.argv[1]], standalone_mode=False);"
        "print(*(set(sys.argv[2].split()) & set(sys.modules)), file=sys.stderr)"
    )
    done = python("-c", code, option, unneeded)
    assert (done.returncode, done.stderr) == (0, "\n")


def test_a_reader_that_goes_away_is_no_error(job: Job) -> None:
    command = f"'{sys.executable}' -m monolith_core '{job.config}' --plan | true"
    site = os.pathsep.join([str(job.folder.parent / "site"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": site}
    )
    assert done.stderr == ""


@pytest.fixture
def completing(job: Job, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    monkeypatch.setenv("_MONOLITH_EXTRACT_COMPLETE", "bash_complete")
    return job


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("--source", "v", ["visits"]),
        ("--source", "x", []),
        ("--sequence", "", ["extract"]),
        ("--sequence", "load,e", ["load,extract"]),
        ("--date", "last-w", ["last-week"]),
    ],
)
def test_completion(
    completing: Job, monkeypatch: pytest.MonkeyPatch, words: str, incomplete: str, expected: list[str]
) -> None:
    line = f"monolith-extract {completing.config} {words} {incomplete}"
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", "3")
    done = CliRunner().invoke(main, prog_name="monolith-extract")
    assert [part.partition(",")[2] for part in done.stdout.split()] == expected


def test_completion_for_commands_of_monolith(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MONOLITH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"monolith status {job.config} --target s")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert CliRunner().invoke(monolith, prog_name="monolith").stdout.split() == ["plain,sql"]
    monkeypatch.setenv("COMP_WORDS", "monolith st")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert CliRunner().invoke(monolith, prog_name="monolith").stdout.split() == ["plain,status"]


def test_a_report_that_may_not_be_written_is_told_at_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("/job"))
    done = job.extract("--report", str(job.folder / "report.json"))
    assert done.exit_code == 2
    assert "not writable by this user" in " ".join(done.stderr.split())


def test_completion_without_a_configuration_finds_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MONOLITH_EXTRACT_COMPLETE", "bash_complete")
    for words, number in (("monolith-extract --source v", "2"), ("monolith-extract none.ini --source v", "3")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", number)
        assert CliRunner().invoke(main, prog_name="monolith-extract").stdout.strip() == ""
