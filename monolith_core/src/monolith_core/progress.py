"""The progress display of a terminal: a row for each source of the phase that runs, on the hooks.

The hooks only count; what they counted is drawn a few times a second by rich's own thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from rich.cells import cell_len
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
"""The widest bar; it shrinks, and goes, when the terminal is narrow."""
_SHORTEST_BAR = 5
_DOING = 16
"""So much room is kept for what a source is doing, at most a third of the line, before the others get any."""
_WRONG = ("failed", "held")


@dataclass
class Row:
    """What is known of one source in the phase that runs."""

    source: str
    due: int
    begun: float
    finished: int = 0
    wrong: int = 0
    skipped: int = 0
    records: int = 0
    doing: str = "nothing is due"
    ended: float | None = None
    counted: str = ""
    asked: dict[Window, int] = field(default_factory=dict)

    def add(self, event: PartitionFinished, now: float) -> None:
        """Count a partition."""
        # Records of other sources may come with a day, so more may finish than was due.
        if not self.over:
            self.skipped += event.outcome == "skipped"
            self.finished += event.outcome != "skipped"
        self.wrong += event.outcome in _WRONG
        done = f"{self.skipped:,} skipped" if self.skipped else "done"
        self.doing = done if self.over else f"writing {event.partition}"
        self.ended = now if self.over else None
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
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.finished + self.skipped >= self.due

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
        return (now - self.begun) / self.finished * (self.due - self.finished - self.skipped)


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
        rows = list(self._rows.values())
        lines = [_Line.of(row, now, row.left(now)) for row in rows]
        if len(rows) > 1:
            lines.append(_Line.of(_total(rows, now), now, _longest(rows, now)))
        widths = _widths(lines, self._console.width)
        table = Table.grid(
            *(
                Column(width=width, no_wrap=True, overflow="ellipsis", justify=_JUSTIFY[name])
                for name, width in widths.items()
            ),
            padding=(0, 1),
        )
        for number, line in enumerate(lines):
            cells = [line.bar(width) if name == "bar" else line.text(name) for name, width in widths.items()]
            table.add_row(*cells, style="bold" if number == len(rows) else None)
        return table


_JUSTIFY: dict[str, Literal["left", "right"]] = {
    "source": "left",
    "bar": "left",
    "counts": "right",
    "rate": "right",
    "left": "right",
    "doing": "left",
}
"""The columns, and to which side each is."""
_TEXTS = tuple(name for name in _JUSTIFY if name != "bar")


@dataclass(frozen=True)
class _Line:
    """The cells of one row."""

    row: Row
    source: str
    counts: str
    rate: str
    left: str
    doing: str

    @classmethod
    def of(cls, row: Row, now: float, left: float | None) -> Self:
        wrong = f", {row.wrong:,} not" if row.wrong else ""
        return cls(
            row,
            source=plain(row.source),
            counts=f"{row.finished:,}/{row.due:,}{wrong}",
            rate=f"{row.rate(now):,.0f} records/s" if row.due else "",
            left=_left(row, left),
            doing=plain(row.doing),
        )

    def text(self, name: str) -> Text:
        return Text(getattr(self, name))

    def bar(self, width: int) -> ProgressBar:
        completed = self.row.finished if self.row.due else 1
        return ProgressBar(
            total=max(self.row.due, 1), completed=completed, width=width, complete_style="green", finished_style="green"
        )


def _widths(lines: Iterable[_Line], room: int) -> dict[str, int]:
    """The columns there is room for, and how wide each is: first goes the bar, then the rate, then the time left."""
    wanted = {name: max((cell_len(getattr(line, name)) for line in lines), default=0) for name in _TEXTS}
    wanted["bar"], least = BAR, {"source": 1, "bar": _SHORTEST_BAR}
    doing = min(wanted["doing"], _DOING, room // 3)
    room -= doing
    widths = {}
    for name in [name for name in ("counts", "source", "left", "rate", "bar") if wanted[name]]:
        if room <= least.get(name, wanted[name]):
            break  # so that nothing is shown in its place that matters less
        widths[name] = min(wanted[name], room - 1)
        room -= widths[name] + 1
    widths["doing"] = doing + room
    return {name: widths[name] for name in _JUSTIFY if widths.get(name, 0) > 0}


def _left(row: Row, left: float | None) -> str:
    if row.over:
        return took(row.ended - row.begun) if row.ended is not None else ""
    return "" if left is None else f"{took(left)} left"


def _total(rows: Iterable[Row], now: float) -> Row:
    total = Row("total", 0, now, doing="")
    for row in rows:
        total.due += row.due
        total.finished += row.finished
        total.wrong += row.wrong
        total.skipped += row.skipped
        total.records += row.seen
        total.begun = min(total.begun, row.begun)
        if row.ended is not None:
            total.ended = max(total.ended or row.ended, row.ended)
    if not total.over:
        total.ended = None
    return total


def _longest(rows: Iterable[Row], now: float) -> float | None:
    """The sources run side by side: all are done when the last one is."""
    known = [row.left(now) for row in rows]
    return max(seconds for seconds in known if seconds is not None) if None not in known else None
