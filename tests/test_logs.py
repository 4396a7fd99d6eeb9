"""Logs: what a line looks like, where it goes, and how a run is told."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    WindowStarted,
)
from monolith_core.logs import Narrator, amount, days_text, logging_to, plain, took
from monolith_core.partition import Digest, Partition, Window
from monolith_core.report import ReportBuilder

NOW = dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)
log = logging.getLogger("monolith.test")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged at info or above, as text."""
    found: list[str] = []
    with logging_to(found.append):
        yield found


def day(number: int) -> dt.date:
    return dt.date(2024, 3, number)


def told(lines: list[str]) -> list[str]:
    """Level and message of each line."""
    return [" ".join(line.split()[2:]) for line in lines]


def test_a_line_has_time_level_and_message(lines: list[str]) -> None:
    log.warning("%d of %d", 1, 2)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d warning 1 of 2", lines[0])


def test_a_message_is_one_line_that_a_terminal_obeys_nothing_of(lines: list[str]) -> None:
    log.error("two\nlines\tand \x1b[31mred\x9b")
    assert told(lines) == [r"error two lines and \x1b[31mred\x9b"]


def test_secrets_are_hidden_in_messages_and_tracebacks() -> None:
    secrets.forget()
    secrets.register(["hunter-two"])
    for form in ("text", "json"):
        found: list[str] = []
        with logging_to(found.append, form=form):  # type: ignore[arg-type]
            try:
                raise ValueError("hunter-two")
            except ValueError:
                log.exception("it is %s", "hunter-two", extra={"facts": {"error": "hunter-two", "count": 1}})
        assert "hunter-two" not in found[0]
        assert "ValueError: ***" in found[0]
    secrets.forget()


def test_json_lines() -> None:
    found: list[str] = []
    with logging_to(found.append, form="json"):
        log.info("ñ \n", extra={"facts": {"event": "x", "count": 2}})
        log.info("plain")
    first, second = map(json.loads, found)
    assert (first["level"], first["logger"], first["message"], first["count"]) == ("info", "monolith.test", "ñ \n", 2)
    assert dt.datetime.fromisoformat(first["time"]).tzinfo == dt.UTC
    assert second.keys() == {"time", "level", "logger", "message"}


def test_levels() -> None:
    for level, expected in (("debug", 7), ("info", 5), ("warning", 4), ("error", 1)):
        found: list[str] = []
        with logging_to(found.append, level=level):
            log.debug("ours")
            log.info("ours")
            log.warning("ours")
            logging.getLogger("library").info("theirs")
            logging.getLogger("library").warning("theirs")
            warnings.showwarning(UserWarning("x"), UserWarning, "file.py", 1)
            log.error("ours")
        assert len(found) == expected, (level, found)


def test_everything_is_as_before_afterwards() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("monolith").level, warnings.showwarning)
    with logging_to(lambda line: None, level="debug"):
        pass
    assert before == (root.level, list(root.handlers), logging.getLogger("monolith").level, warnings.showwarning)


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    for message in ("first", "second \udc80"):
        with logging_to(tmp_path / "log"):
            log.info(message)
    first, second = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert first.endswith("first")
    assert second.endswith(r"second \udc80")


def test_a_log_that_cannot_be_written_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    with logging_to(full):
        log.info("one")
        log.info("two")
    assert capsys.readouterr().err == "monolith: the log cannot be written: [Errno 28] No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_log_file_on_a_full_disk_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(Path("/dev/full")):
        log.info("one")
        log.info("two")
    assert capsys.readouterr().err == "monolith: the log cannot be written: [Errno 28] No space left on device\n"


def test_a_log_that_cannot_be_complained_about_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise AssertionError("nothing was written")

    monkeypatch.setattr("sys.stderr", Gone())
    with logging_to():
        log.info("one")


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ([], ""),
        ([1], "2024-03-01"),
        ([2, 1], "2024-03-01..2024-03-02"),
        ([1, 3, 4, 5, 3], "2024-03-01, 2024-03-03..2024-03-05"),
    ],
)
def test_days(days: list[int], text: str) -> None:
    assert days_text(map(day, days)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.04 s"), (4.21, "4.2 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_stretches_of_time(seconds: float, text: str) -> None:
    assert took(seconds) == text


def test_words() -> None:
    assert (amount(1, "record"), amount(2000, "record")) == ("1 record", "2,000 records")
    assert plain("a\x00b") == r"a\x00b"


class Story:
    """A run that is told to a narrator and a report."""

    def __init__(self, narrator: Narrator, *phases: str) -> None:
        self.narrator = narrator
        self.report = ReportBuilder()
        self.run = Run("abc", "job.ini", phases, NOW, "web1", 7)
        self.say("run_started", self.run)

    def say(self, hook: str, event: Any) -> None:
        for plugin in (self.report, self.narrator):
            if hasattr(plugin, hook):
                getattr(plugin, hook)(event)

    def plan(self, source: str, *days: int, targets: tuple[str, ...] = ("sql",)) -> None:
        due = [DueDay(target, Partition(source, day(each)), "new") for each in days for target in targets]
        self.say("source_planned", SourcePlanned("extract", source, tuple(due)))

    def ask(self, source: str, start: int, end: int) -> None:
        self.say("window_started", WindowStarted("extract", source, Window(source, day(start), day(end))))

    def finish(
        self, via: str, number: int, outcome: str = "done", *, source: str = "", target: str = "sql", **facts: Any
    ) -> None:
        partition = Partition(source or via, day(number))
        facts = {"digest": Digest(2, 1, 1), **facts}
        event = PartitionFinished("extract", via, target, partition, "new", outcome, **facts)  # type: ignore[arg-type]
        self.say("partition_finished", event)

    def end(self, signal: int = 0) -> None:
        self.say("phase_finished", PhaseFinished("extract", ok=True, seconds=2))
        self.report.close(NOW, signal)
        self.narrator.run_finished(self.run, self.report.as_dict())


def last(lines: list[str]) -> str:
    """The last message without its time."""
    return re.sub(r", in \d.*? (s|min)\b( \d+ s)?|, in \d+ h \d+ min", "", told(lines)[-1])


def test_a_window_is_told_when_it_is_complete(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("visits", 1, 2, 3, 4)
    story.ask("visits", 3, 4)
    story.ask("visits", 1, 2)
    story.finish("visits", 4, added=2)
    assert lines == []
    story.finish("visits", 3, "unchanged")
    assert told(lines) == [
        "info extract: visits 2024-03-03..2024-03-04 into sql: 1 done, 1 unchanged, 4 records (2 added, 0 removed)"
    ]
    story.finish("visits", 2, "unchanged")
    story.finish("visits", 1, "unchanged")
    assert told(lines)[1:] == ["info extract: visits 2024-03-01..2024-03-02 into sql: 2 unchanged, 4 records"]
    story.end()
    assert last(lines) == "info 1 done, 3 unchanged, 8 records, 2 added and 0 removed"


def test_each_target_has_lines_of_its_own(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("visits", 1, 2, targets=("sql", "copy"))
    story.ask("visits", 1, 2)
    for number, target in ((2, "sql"), (2, "copy"), (1, "copy"), (1, "sql")):
        story.finish("visits", number, target=target)
    assert [re.findall(r"into \w+", line) for line in lines] == [["into copy"], ["into sql"]]


def test_a_source_of_other_sources_records_is_told_window_by_window(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("archive", 1, 2)
    story.ask("archive", 2, 2)
    story.ask("archive", 1, 1)
    for number in (2, 1):
        for source in ("alpha", "archive", "beta"):
            story.finish("archive", number, source=source)
    story.end()
    windows = [line for line in told(lines) if "into sql" in line]
    assert windows == [
        "info extract: alpha, archive, beta 2024-03-02 into sql: 3 done, 6 records (0 added, 0 removed)",
        "info extract: alpha, archive, beta 2024-03-01 into sql: 3 done, 6 records (0 added, 0 removed)",
    ]


def test_failures_of_one_error_are_one_line(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("visits", 1, 2, 3, 5)
    story.ask("visits", 1, 3)
    story.finish("visits", 3, "failed", error="no table")
    story.finish("visits", 2, "held", error="half of it")
    story.finish("visits", 1, "failed", error="no table")
    story.finish("visits", 5, "deferred", error="no quota")
    story.end()
    assert told(lines)[:3] == [
        "error extract: visits 2024-03-01, 2024-03-03 into sql failed: no table",
        "warning extract: visits 2024-03-02 into sql held: half of it",
        "info extract: visits 2024-03-05 into sql deferred: no quota",
    ]
    assert last(lines) == (
        "warning 2 failed, 1 held, 1 deferred, 0 records; failed days are due again in the next run; "
        "held days were not written: look at the source, and accept them with --force if they are right; "
        "deferred days come with a later run"
    )


def test_deferred_days_are_told_once_a_source(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("visits", *range(1, 10))
    story.plan("clicks", 1, 2)
    for number in (9, 7, 5, 3, 1):  # a window each
        story.ask("visits", number, number)
        story.finish("visits", number, "deferred", error=f"waits for {number}.csv")
    story.ask("clicks", 1, 2)
    for number in (1, 2):
        story.finish("clicks", number, "deferred", error="no quota")
    assert lines == []
    story.end()
    assert told(lines)[:-1] == [
        "info extract: visits 2024-03-01..2024-03-09 (5 days of these) into sql deferred: waits for 9.csv "
        "(and 4 more such)",
        "info extract: clicks 2024-03-01..2024-03-02 into sql deferred: no quota",
    ]


def test_remarks_retries_and_sources_left_out(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("visits", 1)
    story.say("retry", Retry("extract", "visits", "extract visits 2024-03-01", "connection lost", 1, 3, 1.5))
    story.ask("visits", 1, 1)
    story.finish("visits", 1, remark="slow")
    story.say("source_skipped", SourceSkipped("extract", "clicks", "another run has it"))
    story.say("source_skipped", SourceSkipped("extract", "orders", "wrong password", failed=True))
    story.end()
    assert [line for line in told(lines) if "into sql: 1 done" not in line][:-1] == [
        "warning extract: visits: extract visits 2024-03-01: connection lost; trying again in 1.5 s (1 of 3)",
        "warning extract: visits 2024-03-01 into sql: slow",
        "info extract: clicks is left out: another run has it",
        "error extract: orders is left out: wrong password",
    ]
    assert last(lines).startswith("warning 1 done, 2 records, 2 sources left out")


def test_nothing_due_is_one_line(lines: list[str]) -> None:
    story = Story(Narrator(), "extract", "load")
    story.plan("visits")
    story.end()
    assert told(lines) == ["info nothing is due"]


def test_a_run_that_was_stopped_says_so(lines: list[str]) -> None:
    story = Story(Narrator(), "extract")
    story.plan("visits", 1)
    story.finish("visits", 1, "skipped")
    story.end(signal=15)
    assert last(lines) == "warning stopped by a signal: 1 skipped, 0 records"


def test_phases_are_told_where_there_are_several(lines: list[str]) -> None:
    story = Story(Narrator(), "extract", "load")
    story.plan("visits", 1)
    story.ask("visits", 1, 1)
    story.finish("visits", 1)
    story.end()
    assert told(lines)[1] == "info extract: 1 done in 2.0 s"


def test_windows_can_be_left_to_a_display(lines: list[str]) -> None:
    story = Story(Narrator(windows=False), "extract")
    story.plan("visits", 1, 2)
    story.ask("visits", 1, 2)
    story.finish("visits", 2)
    story.finish("visits", 1, "failed", error="no")
    story.end()
    assert [line.split()[0] for line in told(lines)] == ["error", "warning"]


def test_what_a_program_reads() -> None:
    found: list[str] = []
    with logging_to(found.append, level="debug", form="json"):
        story = Story(Narrator(), "extract")
        story.plan("visits", 1, 2)
        story.ask("visits", 1, 2)
        story.finish("visits", 2, added=2)
        story.finish("visits", 1)
        story.end()
    lines = [json.loads(line) for line in found]
    assert [line["event"] for line in lines] == [
        "run_started",
        "source_planned",
        "window",
        "phase_finished",
        "run_finished",
    ]
    facts = {"phase": "extract", "source": "visits", "target": "sql", "start": "2024-03-01", "end": "2024-03-02"}
    assert (facts | {"done": 2, "records": 4, "added": 2}).items() <= lines[2].items()
    assert lines[-1]["status"] == "ok"
