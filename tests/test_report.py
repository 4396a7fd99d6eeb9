"""The report: what events make of it, its schema, and the exit status."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from monolith_core import secrets
from monolith_core.events import (
    DueDay,
    PartitionFinished,
    PhaseFinished,
    Retry,
    Run,
    SourcePlanned,
    SourceSkipped,
)
from monolith_core.partition import Digest, Partition
from monolith_core.report import ReportBuilder, summary

SCHEMA = json.loads((Path(__file__).parent.parent / "docs/report-schema.json").read_text(encoding="utf-8"))
NOW = dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)
PARTITION = Partition("visits", dt.date(2024, 3, 9))


def finished(outcome: str, **facts: Any) -> PartitionFinished:
    return PartitionFinished("extract", "visits", "sql", PARTITION, "new", outcome, **facts)  # type: ignore[arg-type]


@pytest.fixture
def report() -> ReportBuilder:
    """A report of a run that has begun its first phase."""
    builder = ReportBuilder()
    builder.run_started(Run("abc", "job.ini", ("extract",), NOW, "web1", 7))
    builder.phase_started("extract")
    builder.source_planned(SourcePlanned("extract", "visits", (DueDay("sql", PARTITION, "new"),)))
    return builder


def written(report: ReportBuilder, signal: int = 0, error: str = "") -> dict[str, Any]:
    report.close(NOW + dt.timedelta(seconds=5), signal, error)
    found = report.as_dict()
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(found)
    return found


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_run_in_which_all_is_well(report: ReportBuilder) -> None:
    report.partition_finished(finished("done", digest=Digest(10, 1, 2), added=6, removed=4))
    report.partition_finished(finished("unchanged", digest=Digest(5, 1, 2)))
    report.retry(Retry("extract", "visits", "extract", "no", 1, 3, 1.0))
    report.reached("extract", "visits", PARTITION.date)
    report.phase_finished(PhaseFinished("extract", ok=True, seconds=2.0004))
    found = written(report)
    assert (found["run"], found["config"], found["host"], found["pid"]) == ("abc", "job.ini", "web1", 7)
    assert (found["started"], found["finished"]) == ("2024-03-10T12:00:00.000+00:00", "2024-03-10T12:00:05.000+00:00")
    assert (found["status"], found["exit_status"], found["partitions"]) == ("ok", 0, [])
    (phase,) = found["phases"]
    assert (phase["ok"], phase["finished"], phase["seconds"]) == (True, True, 2.0)
    (source,) = phase["sources"]
    assert source["newest_final"] == "2024-03-09"
    counts = {"due": 1, "done": 1, "unchanged": 1, "records": 15, "added": 6, "removed": 4, "retries": 1, "failed": 0}
    assert counts.items() <= source.items()
    assert counts.items() <= found["counts"].items()


@pytest.mark.parametrize(
    ("outcome", "status", "exit_status"),
    [
        ("done", "ok", 0),
        ("unchanged", "ok", 0),
        ("deferred", "ok", 0),
        ("failed", "incomplete", 1),
        ("held", "incomplete", 1),
        ("skipped", "incomplete", 1),
    ],
)
def test_outcomes(report: ReportBuilder, outcome: str, status: str, exit_status: int) -> None:
    report.partition_finished(finished(outcome, error="why", digest=Digest(3, 1, 1)))
    found = written(report)
    assert (found["status"], found["exit_status"], found["counts"][outcome]) == (status, exit_status, 1)
    assert report.phase_ok("extract") is (exit_status == 0)
    listed = [] if outcome in ("done", "unchanged") else [(outcome, "why", "2024-03-09", 3)]
    assert [
        (each["outcome"], each["error"], each["date"], each["records_held"]) for each in found["partitions"]
    ] == listed


def test_a_remark_is_listed(report: ReportBuilder) -> None:
    report.partition_finished(finished("done", remark="two records were equal"))
    assert written(report)["partitions"][0]["remark"] == "two records were equal"


@pytest.mark.parametrize(("failed", "exit_status"), [(True, 1), (False, 0)])
def test_a_source_that_is_left_out(report: ReportBuilder, failed: bool, exit_status: int) -> None:
    report.source_skipped(SourceSkipped("extract", "other", "another run has it", failed=failed))
    found = written(report)
    assert found["phases"][0]["sources"][1]["left_out"] == "another run has it"
    assert found["exit_status"] == exit_status


@pytest.mark.parametrize(("signal", "exit_status"), [(2, 130), (15, 143)])
def test_a_run_that_was_stopped(report: ReportBuilder, signal: int, exit_status: int) -> None:
    report.partition_finished(finished("skipped"))
    found = written(report, signal)
    assert (found["status"], found["exit_status"]) == ("interrupted", exit_status)


def test_a_run_that_broke_off(report: ReportBuilder) -> None:
    report.partition_finished(finished("failed", error="no"))
    found = written(report, error="the storage is gone")
    assert (found["status"], found["exit_status"], found["error"]) == ("error", 1, "the storage is gone")


def test_a_run_that_never_began() -> None:
    found = written(ReportBuilder(), error="no storage")
    assert (found["run"], found["started"], found["phases"]) == ("", None, [])


def test_secrets_are_hidden(report: ReportBuilder) -> None:
    secrets.forget()
    secrets.register(["hunter-two"])
    report.partition_finished(finished("failed", error="hunter-two is wrong", remark="hunter-two"))
    report.source_skipped(SourceSkipped("extract", "visits", "hunter-two", failed=True))
    assert "hunter-two" not in json.dumps(written(report, error="hunter-two"))
    secrets.forget()


def test_summaries() -> None:
    assert summary({}) == "nothing"
    assert summary({"failed": 1, "done": 2000, "records": 5}) == "2,000 done, 1 failed"
