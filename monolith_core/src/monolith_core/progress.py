"""The progress display of a terminal: a row for each source of the phase that runs, on the hooks.

The hooks only count; what they counted is drawn a few times a second by rich's own thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from monolith_core.events import (
    PartitionFinished,
    PhaseFinished,
    Retry,
    SourcePlanned,
    SourceSkipped,
    WindowProgress,
    WindowStarted,
)
from monolith_core.hookspecs import hookimpl
from monolith_core.logs import plain, took
from monolith_core.partition import Window

BAR = 20
_WRONG = ("failed", "held")


@dataclass
class Row:
    """What is known of one source in the phase that runs."""

    source: str
    due: int
    begun: float
    finished: int = 0
    wrong: int = 0
    records: int = 0
    doing: str = "nothing is due"
    ended: float | None = None
    counted: str = ""
    asked: dict[Window, int] = field(default_factory=dict)

    def add(self, event: PartitionFinished, now: float) -> None:
        """Count a partition."""
        # Records of other sources may come with a day, so more may finish than was due.
        self.finished = min(self.finished + 1, self.due)
        self.wrong += event.outcome in _WRONG
        self.doing = f"writing {event.partition}" if self.finished < self.due else "done"
        self.ended = now if self.finished == self.due else None
        self.counted = self.counted or event.target
        if event.target == self.counted and event.outcome in ("done", "unchanged"):
            self._move(event)

    def _move(self, event: PartitionFinished) -> None:
        """Records that were read are now written: they must not count twice."""
        self.records += event.digest.count
        for window, read in self.asked.items():
            if event.partition.date in window:
                self.asked[window] = max(0, read - event.digest.count)
                return

    @property
    def seen(self) -> int:
        """Records read so far."""
        return self.records + sum(self.asked.values())

    def rate(self, now: float) -> float:
        """Records a second since the source began."""
        elapsed = (self.ended or now) - self.begun
        return self.seen / elapsed if elapsed > 0 else 0.0

    def left(self, now: float) -> float | None:
        """Seconds until all is done, if the rest goes as what is done; None if nothing is known yet."""
        if not self.finished:
            return None if self.due else 0.0
        return (now - self.begun) / self.finished * (self.due - self.finished)


class Progress:
    """The display; a hook plugin and a context manager that draws on `console`."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._phase = ""
        self._rows: dict[str, Row] = {}
        self._live = Live(
            console=console,
            get_renderable=self.render,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        self._console.show_cursor()  # a process that is killed could not bring it back
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """Print a line above the display."""
        self._console.print(Text(line), soft_wrap=True, highlight=False)

    def render(self) -> RenderableType:
        """The display as it is now."""
        with self._lock:
            if not self._phase:
                return Text("")
            if not self._rows:
                return Text(f"{self._phase}: planning")
            return Group(Text(self._phase, style="bold"), self._table())

    @hookimpl
    def phase_started(self, phase: str) -> None:
        """Begin with an empty table."""
        with self._lock:
            self._phase = phase
            self._rows = {}

    @hookimpl
    def phase_finished(self, event: PhaseFinished) -> None:
        """Leave the table of a phase in which something was done."""
        with self._lock:
            rows = self._rows
            shown = (
                Group(Text(self._phase, style="bold"), self._table()) if any(row.due for row in rows.values()) else None
            )
            self._phase = ""
        if shown:
            self._console.print(shown)

    @hookimpl
    def source_planned(self, event: SourcePlanned) -> None:
        """Add a row."""
        with self._lock:
            self._rows[event.source] = Row(event.source, len(event.due), self._clock())

    @hookimpl
    def source_skipped(self, event: SourceSkipped) -> None:
        """Say so in the source's row."""
        self._doing(event.source, f"left out: {event.why}")

    @hookimpl
    def window_started(self, event: WindowStarted) -> None:
        """Say what is being asked for."""
        self._doing(event.source, f"asking {event.window}")

    @hookimpl
    def window_progress(self, event: WindowProgress) -> None:
        """Count what is read."""
        with self._lock:
            row = self._rows.get(event.source)
            if row is not None:
                row.asked[event.window] = event.records
                row.doing = f"reading {event.window}"

    @hookimpl
    def retry(self, event: Retry) -> None:
        """Say what is waited for."""
        self._doing(event.source, f"trying again in {took(event.delay)}: {event.error}")

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        """Count a partition."""
        with self._lock:
            row = self._rows.get(event.source)
            if row is not None:
                row.add(event, self._clock())

    def _doing(self, source: str, text: str) -> None:
        with self._lock:
            self._rows.setdefault(source, Row(source, 0, self._clock())).doing = text

    def _table(self) -> Table:
        now = self._clock()
        table = Table.grid(
            Column(no_wrap=True),
            Column(width=BAR),
            Column(justify="right", no_wrap=True),
            Column(justify="right", no_wrap=True),
            Column(justify="right", no_wrap=True),
            Column(no_wrap=True, overflow="ellipsis", ratio=1),
            padding=(0, 1),
            expand=True,
        )
        rows = list(self._rows.values())
        for row in rows:
            table.add_row(*_cells(row, now, row.left(now)))
        if len(rows) > 1:
            table.add_row(*_cells(_total(rows, now), now, _longest(rows, now)), style="bold")
        return table


def _cells(row: Row, now: float, left: float | None) -> list[RenderableType]:
    wrong = f", {row.wrong:,} not" if row.wrong else ""
    return [
        Text(plain(row.source)),
        ProgressBar(
            total=max(row.due, 1),
            completed=row.finished if row.due else 1,
            width=BAR,
            complete_style="green",
            finished_style="green",
        ),
        Text(f"{row.finished:,}/{row.due:,}{wrong}"),
        Text(f"{row.rate(now):,.0f} records/s" if row.due else ""),
        Text(_left(row, left)),
        Text(plain(row.doing)),
    ]


def _bar(row: Row) -> ProgressBar:
    completed = row.finished if row.due else 1
    return ProgressBar(
        total=max(row.due, 1), completed=completed, width=BAR, complete_style="green", finished_style="green"
    )


def _left(row: Row, left: float | None) -> str:
    if row.finished >= row.due:
        return took(row.ended - row.begun) if row.ended is not None else ""
    return "" if left is None else f"{took(left)} left"


def _total(rows: Iterable[Row], now: float) -> Row:
    total = Row("total", 0, now, doing="")
    for row in rows:
        total.due += row.due
        total.finished += row.finished
        total.wrong += row.wrong
        total.records += row.seen
        total.begun = min(total.begun, row.begun)
        if row.ended is not None:
            total.ended = max(total.ended or row.ended, row.ended)
    if total.finished < total.due:
        total.ended = None
    return total


def _longest(rows: Iterable[Row], now: float) -> float | None:
    """The sources run side by side: all are done when the last one is."""
    known = [row.left(now) for row in rows]
    return max(seconds for seconds in known if seconds is not None) if None not in known else None
