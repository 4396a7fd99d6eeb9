"""The narrator: a hook plugin that tells a run in log lines.

A line for each window that is written, each retry, each thing that went wrong, each source that has deferred days, each
phase, and one for the whole. A run in which nothing is due is one line.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from typing import Any

from monolith_core.events import (
    PartitionFinished,
    PhaseFinished,
    Purged,
    Retry,
    Run,
    SourcePlanned,
    SourceSkipped,
    WindowStarted,
)
from monolith_core.hookspecs import hookimpl
from monolith_core.logs.batch import Batch
from monolith_core.logs.words import amount, days_text, roughly, took
from monolith_core.partition import Partition, Window
from monolith_core.report import summary

log = logging.getLogger("monolith.run")

_PROBLEMS = {"failed": logging.ERROR, "held": logging.WARNING, "deferred": logging.INFO, "skipped": logging.DEBUG}
"""The level at which each outcome that has an error is told; why a source was skipped is told once, for the source."""

_ADVICE = {
    "failed": "failed days are due again in the next run",
    "held": "held days were not written: look at the source, and accept them with --force if they are right",
    "deferred": "deferred days come with a later run",
}

Key = tuple[str, str, str]
"""Phase, source and target: what is written in sequence."""


class Narrator:
    """Tells what happens.

    Without `windows` the lines of windows that went well are left out. `purging` says that the run only purges, so that
    there is nothing to be due.
    """

    def __init__(self, *, windows: bool = True, purging: bool = False) -> None:
        self._windows = windows
        self._several = False
        self._purging = purging
        self._open: dict[tuple[str, str], list[Window]] = {}
        self._due: dict[Key, set[Partition]] = {}
        self._batches: dict[Key, Batch] = {}
        self._foreign: set[Key] = set()
        self._deferred: dict[Key, dict[dt.date, str]] = {}
        self._counts: dict[str, Counter[str]] = {}

    @hookimpl
    def run_started(self, run: Run) -> None:
        """Say which run this is."""
        phases = ", ".join(run.phases)
        self._several = len(run.phases) > 1
        _tell(logging.DEBUG, "run_started", f"run {run.id} of {run.config}: {phases}", run=run.id, config=run.config)

    @hookimpl
    def source_planned(self, event: SourcePlanned) -> None:
        """Remember what is due, to know when a window is complete."""
        for due in event.due:
            self._due.setdefault((event.phase, event.source, due.target), set()).add(due.partition)
        reasons = Counter(due.reason for due in event.due)
        why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items()) or "nothing"
        text = f"{event.phase}: {event.source}: due: {why}"
        _tell(logging.DEBUG, "source_planned", text, phase=event.phase, source=event.source, due=len(event.due))

    @hookimpl
    def source_skipped(self, event: SourceSkipped) -> None:
        """Say why a source is left out."""
        level = logging.ERROR if event.failed else logging.INFO
        text = f"{event.phase}: {event.source} is left out: {event.why}"
        _tell(level, "source_skipped", text, phase=event.phase, source=event.source, error=event.why)

    @hookimpl
    def purged(self, event: Purged) -> None:
        """Say what was purged, or why it was not."""
        text = f"{event.phase}: purged {event.window}"
        if event.error:
            text = f"{event.phase}: purging {event.window} failed: {event.error}"
        level = logging.ERROR if event.error else logging.INFO
        _tell(level, "purged", text, phase=event.phase, source=event.source, error=event.error)

    @hookimpl
    def window_started(self, event: WindowStarted) -> None:
        """Remember the window, to tell its partitions together."""
        self._open.setdefault((event.phase, event.source), []).append(event.window)

    @hookimpl
    def retry(self, event: Retry) -> None:
        """Say what went wrong and when it is tried again."""
        text = (
            f"{event.phase}: {event.source}: {event.doing}: {event.error}; "
            f"trying again in {took(event.delay)} ({event.attempt} of {event.retries})"
        )
        facts = {"phase": event.phase, "source": event.source, "error": event.error, "attempt": event.attempt}
        _tell(logging.WARNING, "retry", text, **facts)

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        """Add a partition to its window's line, and tell the line when the window is complete."""
        self._counts.setdefault(event.phase, Counter())[event.outcome] += 1
        key = (event.phase, event.source, event.target)
        batch = self._batch(key, event)
        batch.add(event)
        due = self._due.get(key, set())
        if event.partition in due:
            due.remove(event.partition)
            batch.left -= 1
        else:
            # A source that yields records of others: what else comes of a day is not known beforehand.
            self._foreign.add(key)
        if batch.window is not None and batch.left <= 0 and key not in self._foreign:
            self._flush(key)

    @hookimpl
    def phase_finished(self, event: PhaseFinished) -> None:
        """Tell what is left, and how the phase ended."""
        for key in [key for key in self._batches if key[0] == event.phase]:
            self._flush(key)
        for key in [key for key in self._deferred if key[0] == event.phase]:
            self._tell_deferred(key, self._deferred.pop(key))
        self._open = {key: windows for key, windows in self._open.items() if key[0] != event.phase}
        counts = self._counts.get(event.phase, Counter[str]())
        text = f"{event.phase}: {summary(counts)} in {took(event.seconds)}"
        # What a run of one phase did is in the last line of all.
        level = logging.INFO if counts and self._several else logging.DEBUG
        _tell(level, "phase_finished", text, phase=event.phase, ok=event.ok, seconds=round(event.seconds, 3))

    @hookimpl
    def run_finished(self, run: Run, report: dict[str, Any]) -> None:
        """Tell the whole in one line."""
        counts: dict[str, int] = report["counts"]
        level = logging.INFO if report["status"] == "ok" else logging.WARNING
        text = (
            "purging is over"
            if self._purging
            else _total(report, (dt.datetime.now(dt.UTC) - run.started).total_seconds())
        )
        _tell(level, "run_finished", text, run=run.id, status=report["status"], counts=counts)

    def _batch(self, key: Key, event: PartitionFinished) -> Batch:
        """The batch that a partition belongs to; another one that was open is told."""
        window = self._window(event)
        batch = self._batches.get(key)
        if batch is not None and batch.window == window:
            return batch
        self._flush(key)
        due = self._due.get(key, set())
        left = sum(1 for partition in window.partitions() if partition in due) if window else 0
        return self._batches.setdefault(key, Batch(key, window, left))

    def _window(self, event: PartitionFinished) -> Window | None:
        """The window that a partition came with: the one started last that has its day."""
        names = {event.partition.source, event.source}
        for window in reversed(self._open.get((event.phase, event.source), [])):
            if window.source in names and event.partition.date in window:
                return window
        return None

    def _flush(self, key: Key) -> None:
        batch = self._batches.pop(key, None)
        if batch is None:
            return
        facts = {"phase": batch.phase, "source": batch.source, "target": batch.target}
        if batch.went_well and self._windows:
            days = [day.isoformat() for day in batch.days]
            _tell(logging.INFO, "window", batch.text, **facts, **batch.facts, start=min(days), end=max(days))
        for (source, outcome, error), days_at_fault in batch.problems.items():
            if outcome == "deferred":  # it may be so in every hour of years
                self._deferred.setdefault((batch.phase, source, batch.target), {}).update(
                    dict.fromkeys(days_at_fault, error)
                )
                continue
            where = f"{batch.phase}: {source} {days_text(days_at_fault)} into {batch.target}"
            listed = [day.isoformat() for day in sorted(days_at_fault)]
            _tell(_PROBLEMS[outcome], outcome, f"{where} {outcome}: {error}", **facts, days=listed, error=error)
        for (source, remark), days_remarked in batch.remarks.items():
            text = f"{batch.phase}: {source} {days_text(days_remarked)} into {batch.target}: {remark}"
            _tell(logging.WARNING, "remark", text, **facts, remark=remark)

    def _tell_deferred(self, key: Key, days: dict[dt.date, str]) -> None:
        phase, source, target = key
        error = days[max(days)]
        others = len(set(days.values())) - 1
        why = f"{error} (and {others:,} more such)" if others else error
        facts = {"phase": phase, "source": source, "target": target, "error": error}
        listed = [day.isoformat() for day in sorted(days)]
        text = f"{phase}: {source} {roughly(days)} into {target} deferred: {why}"
        _tell(_PROBLEMS["deferred"], "deferred", text, **facts, days=listed)


def _total(report: dict[str, Any], seconds: float) -> str:
    counts: dict[str, int] = report["counts"]
    left_out = sum(1 for phase in report["phases"] for source in phase["sources"] if source["left_out"])
    stopped = "stopped by a signal: " if report["status"] == "interrupted" else ""
    if not counts["due"] and not left_out:
        return f"{stopped}nothing is due"
    parts = [summary(counts), amount(counts["records"], "record")]
    if counts["added"] or counts["removed"]:
        parts.append(f"{counts['added']:,} added and {counts['removed']:,} removed")
    if left_out:
        parts.append(f"{amount(left_out, 'source')} left out")
    advice = [text for outcome, text in _ADVICE.items() if counts[outcome]]
    return "; ".join([f"{stopped}{', '.join(parts)}, in {took(seconds)}", *advice])


def _tell(level: int, event: str, text: str, **facts: Any) -> None:
    log.log(level, "%s", text, extra={"facts": {"event": event, **facts}})
