"""The progress display, on a console that writes into memory and a clock that the test moves."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from rich.console import Console

from monolith_core.events import (
    DueDay,
    PartitionFinished,
    PhaseFinished,
    Retry,
    SourcePlanned,
    SourceSkipped,
    WindowProgress,
    WindowStarted,
)
from monolith_core.partition import Digest, Partition, Window
from monolith_core.progress import Progress


def day(number: int) -> dt.date:
    return dt.date(2024, 3, number)


class Screen:
    """A display and what it shows."""

    def __init__(self, width: int = 130) -> None:
        self.now = 100.0
        self.file = io.StringIO()
        self.console = Console(file=self.file, width=width, color_system=None)
        self.progress = Progress(self.console, clock=lambda: self.now)
        self.progress.phase_started("extract")

    def plan(self, source: str, days: int) -> None:
        due = tuple(DueDay("sql", Partition(source, day(number + 1)), "new") for number in range(days))
        self.progress.source_planned(SourcePlanned("extract", source, due))

    def finish(self, source: str, number: int, outcome: str = "done", records: int = 100, **facts: Any) -> None:
        facts = {"target": "sql", "digest": Digest(records, 1, 1), "partition": Partition(source, day(number)), **facts}
        event = PartitionFinished("extract", source, reason="new", outcome=outcome, **facts)  # type: ignore[arg-type]
        self.progress.partition_finished(event)

    def read(self, source: str, start: int, end: int, records: int) -> None:
        window = Window(source, day(start), day(end))
        self.progress.window_progress(WindowProgress("extract", source, window, records))

    def lines(self) -> list[str]:
        """What is shown now, without the bars."""
        with self.console.capture() as captured:
            self.console.print(self.progress.render())
        return [" ".join(line.replace("━", "").replace("╸", "").replace("╺", "").split()) for line in _lines(captured)]


def _lines(captured: Any) -> list[str]:
    return [line for line in captured.get().splitlines() if line.strip()]


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_a_phase_begins_with_its_plan(screen: Screen) -> None:
    assert screen.lines() == ["extract: planning"]
    screen.plan("visits", 0)
    assert screen.lines() == ["extract", "visits 0/0 nothing is due"]


def test_a_row_says_what_a_source_does(screen: Screen) -> None:
    screen.plan("visits", 4)
    window = Window("visits", day(1), day(4))
    screen.progress.window_started(WindowStarted("extract", "visits", window))
    screen.now += 2
    assert screen.lines() == ["extract", "visits 0/4 0 records/s asking visits 2024-03-01..2024-03-04"]
    screen.read("visits", 1, 4, 400)
    assert screen.lines()[1] == "visits 0/4 200 records/s reading visits 2024-03-01..2024-03-04"
    screen.progress.retry(Retry("extract", "visits", "extract", "connection \x1b[2J lost", 1, 3, 2.0))
    assert screen.lines()[1].endswith(r"trying again in 2.0 s: connection \x1b[2J lost")


def test_the_time_left_follows_from_what_is_done(screen: Screen) -> None:
    screen.plan("visits", 4)
    screen.read("visits", 1, 4, 400)
    screen.now += 30
    screen.finish("visits", 4)
    assert screen.lines()[1] == "visits 1/4 13 records/s 1 min 30 s left writing visits 2024-03-04"


def test_what_was_read_and_written_counts_once(screen: Screen) -> None:
    screen.plan("visits", 4)
    screen.read("visits", 3, 4, 200)
    screen.now += 1
    screen.finish("visits", 4)
    screen.finish("visits", 4, target="copy")
    screen.finish("visits", 3)
    screen.read("visits", 1, 2, 50)
    assert "250 records/s" in screen.lines()[1]


def test_a_row_that_is_done_stands_still(screen: Screen) -> None:
    screen.plan("visits", 2)
    screen.now += 2
    screen.finish("visits", 2)
    screen.finish("visits", 1, "failed")
    screen.now += 60
    assert screen.lines()[1] == "visits 2/2, 1 not 50 records/s 2.0 s done"


def test_more_may_come_than_was_due(screen: Screen) -> None:
    screen.plan("archive", 1)
    screen.now += 1
    for source in ("alpha", "beta", "gamma"):
        screen.finish("archive", 1, partition=Partition(source, day(1)))
    assert screen.lines()[1].startswith("archive 1/1 300 records/s")


def test_several_sources_have_a_total(screen: Screen) -> None:
    screen.plan("visits", 2)
    screen.plan("clicks", 4)
    screen.now += 10
    screen.finish("visits", 2)
    assert screen.lines()[3] == "total 1/6 10 records/s"
    screen.finish("clicks", 4)
    assert screen.lines()[3] == "total 2/6 20 records/s 30 s left", "as long as the slowest takes"
    for source, number in (("visits", 1), ("clicks", 3), ("clicks", 2), ("clicks", 1)):
        screen.finish(source, number)
    assert screen.lines()[3] == "total 6/6 60 records/s 10 s"


def test_a_source_that_is_left_out(screen: Screen) -> None:
    screen.progress.source_skipped(SourceSkipped("extract", "visits", "another run has it"))
    assert screen.lines()[1] == "visits 0/0 left out: another run has it"


def test_events_of_unknown_sources_do_no_harm(screen: Screen) -> None:
    screen.finish("visits", 1)
    screen.read("visits", 1, 1, 5)
    assert screen.lines() == ["extract: planning"]


def test_a_phase_leaves_its_table_if_anything_was_due(screen: Screen) -> None:
    screen.plan("visits", 0)
    screen.progress.phase_finished(PhaseFinished("extract", ok=True, seconds=1))
    assert screen.file.getvalue() == ""
    assert screen.lines() == []
    screen.progress.phase_started("load")
    screen.plan("archive", 1)
    screen.now += 1
    screen.finish("archive", 1)
    screen.progress.phase_finished(PhaseFinished("load", ok=True, seconds=1))
    assert "load" in screen.file.getvalue()
    assert "1/1" in screen.file.getvalue()


def test_it_fits_the_terminal() -> None:
    screen = Screen(width=60)
    screen.plan("visits", 31)
    screen.progress.window_started(WindowStarted("extract", "visits", Window("visits", day(1), day(31))))
    with screen.console.capture() as captured:
        screen.console.print(screen.progress.render())
    assert all(len(line) <= 60 for line in captured.get().splitlines())
    assert len(captured.get().splitlines()) == 2


def test_what_a_signal_left_undone_is_not_done(screen: Screen) -> None:
    screen.plan("visits", 6)
    screen.now += 2
    screen.finish("visits", 6)
    for number in (5, 4, 3, 2, 1):
        screen.finish("visits", number, "skipped", records=0)
    screen.now += 60
    assert screen.lines()[1] == "visits 1/6 50 records/s 2.0 s 5 skipped"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (130, "visits ━ 4/31 133 records/s 20 s left writing visits 2024-03-28"),
        (70, "visits ━ 4/31 133 records/s 20 s left writing visits …"),
        (60, "visits ━ 4/31 133 records/s 20 s left writing visits …"),
        (50, "visits 4/31 20 s left writing visits 2024-03-28"),
        (40, "visits 4/31 20 s left writing visits 20…"),
        (30, "visits 4/31 writing visits 20…"),
        (22, "visits 4/31 writing v…"),
    ],
)
def test_a_narrow_terminal_shows_the_source_and_its_counts(width: int, shown: str) -> None:
    screen = Screen(width)
    screen.plan("visits", 31)
    screen.now += 3
    for number in (31, 30, 29, 28):
        screen.finish("visits", number)
    with screen.console.capture() as captured:
        screen.console.print(screen.progress.render())
    line = _lines(captured)[1]
    assert len(line) <= width
    assert " ".join(re.sub("[━╸╺]+", "━", line).split()) == shown


def test_lines_are_printed_above_as_they_are(screen: Screen) -> None:
    line = "[red]" + "x" * 200
    with screen.progress:
        screen.progress.say(line)
    assert line in screen.file.getvalue().splitlines()
