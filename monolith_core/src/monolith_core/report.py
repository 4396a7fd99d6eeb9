"""The report: what a run did, collected from the hooks, as `--report` writes it.

Its form is docs/report-schema.json. The exit status and whether a phase is complete are decided here too, so that they
and the report cannot disagree.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from monolith_core.events import (
    PartitionFinished,
    PhaseFinished,
    Purged,
    Retry,
    Run,
    SourcePlanned,
    SourceSkipped,
)
from monolith_core.hookspecs import hookimpl
from monolith_core.secrets import hide

SCHEMA = 1
"""The version of the report's form; a member that is added does not change it."""

OUTCOMES = ("done", "unchanged", "failed", "held", "deferred", "skipped")
_WRONG = ("failed", "held", "skipped")
"""Outcomes after which something that was due is left to be done, and was expected to be done now."""

Status = Literal["ok", "incomplete", "interrupted", "error"]


@dataclass
class SourceReport:
    """What became of one source in one phase; counts are of partitions, one for each target."""

    id: str
    due: int = 0
    done: int = 0
    unchanged: int = 0
    failed: int = 0
    held: int = 0
    deferred: int = 0
    skipped: int = 0
    records: int = 0
    added: int = 0
    removed: int = 0
    retries: int = 0
    seconds: float = 0.0
    left_out: str = ""
    purge_error: str = ""
    newest_final: dt.date | None = None
    ok: bool = True

    def count(self, event: PartitionFinished) -> None:
        """Add one partition."""
        setattr(self, event.outcome, getattr(self, event.outcome) + 1)
        self.added += event.added
        self.removed += event.removed
        if event.outcome in ("done", "unchanged"):
            self.records += event.digest.count
        if event.outcome in _WRONG:
            self.ok = False


@dataclass
class PhaseReport:
    """What became of one phase."""

    id: str
    seconds: float = 0.0
    finished: bool = False
    sources: dict[str, SourceReport] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing failed, was held, or was left undone."""
        return all(source.ok for source in self.sources.values())

    def source(self, name: str) -> SourceReport:
        """The report of one source."""
        return self.sources.setdefault(name, SourceReport(name))

    def as_dict(self) -> dict[str, Any]:
        """The phase as it stands in the report."""
        sources = [
            {
                **asdict(each),
                "left_out": hide(each.left_out),
                "purge_error": hide(each.purge_error),
                "newest_final": each.newest_final.isoformat() if each.newest_final else None,
            }
            for each in self.sources.values()
        ]
        return {"id": self.id, "ok": self.ok, "finished": self.finished, "seconds": self.seconds, "sources": sources}


class ReportBuilder:
    """A hook plugin that collects what happens; `close` it before it is read."""

    def __init__(self) -> None:
        self.error = ""
        self._run: Run | None = None
        self._finished: dt.datetime | None = None
        self._signal = 0
        self._phases: dict[str, PhaseReport] = {}
        self._partitions: list[PartitionFinished] = []
        self._begun: dict[tuple[str, str], float] = {}

    def close(self, now: dt.datetime, signal: int = 0, error: str = "") -> None:
        """The run is over at `now`, stopped by a signal (0: by none), or broken off by an error."""
        self._finished = now
        self._signal = signal
        self.error = error

    def reached(self, phase: str, source: str, newest_final: dt.date | None) -> None:
        """Note the newest final day of a source in a phase, at its end."""
        self._source(phase, source).newest_final = newest_final

    def phase_ok(self, phase: str) -> bool:
        """Whether nothing of a phase failed, was held or was left undone so far."""
        return self._phase(phase).ok

    @property
    def status(self) -> Status:
        """How the run ended."""
        if self.error:
            return "error"
        if self._signal:
            return "interrupted"
        return "ok" if all(phase.ok for phase in self._phases.values()) else "incomplete"

    @property
    def exit_status(self) -> int:
        """The exit status of the process."""
        if self.status == "interrupted":
            return 128 + self._signal
        return 0 if self.status == "ok" else 1

    @property
    def counts(self) -> dict[str, int]:
        """The totals over all phases and sources."""
        names = ("due", *OUTCOMES, "records", "added", "removed", "retries")
        sources = [source for phase in self._phases.values() for source in phase.sources.values()]
        return {name: sum(getattr(source, name) for source in sources) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """The report, without secrets."""
        run = self._run
        return {
            "schema": SCHEMA,
            "run": run.id if run else "",
            "config": run.config if run else "",
            "host": run.host if run else "",
            "pid": run.pid if run else 0,
            "started": _instant(run.started if run else None),
            "finished": _instant(self._finished),
            "status": self.status,
            "exit_status": self.exit_status,
            "error": hide(self.error),
            "counts": self.counts,
            "phases": [phase.as_dict() for phase in self._phases.values()],
            "partitions": [_partition(event) for event in self._partitions],
        }

    @hookimpl
    def run_started(self, run: Run) -> None:
        """Keep what the run is."""
        self._run = run

    @hookimpl
    def phase_started(self, phase: str) -> None:
        """Begin a phase."""
        self._phase(phase)

    @hookimpl
    def phase_finished(self, event: PhaseFinished) -> None:
        """End a phase."""
        phase = self._phase(event.phase)
        phase.seconds = round(event.seconds, 3)
        phase.finished = True

    @hookimpl
    def source_planned(self, event: SourcePlanned) -> None:
        """Count what is due."""
        self._source(event.phase, event.source).due = len(event.due)
        self._begun[event.phase, event.source] = time.monotonic()

    @hookimpl
    def source_skipped(self, event: SourceSkipped) -> None:
        """Keep why a source was left out."""
        source = self._source(event.phase, event.source)
        source.left_out = event.why
        source.ok = source.ok and not event.failed

    @hookimpl
    def purged(self, event: Purged) -> None:
        """Keep why a source could not be purged."""
        if event.error:
            source = self._source(event.phase, event.source)
            source.purge_error = event.error
            source.ok = False

    @hookimpl
    def retry(self, event: Retry) -> None:
        """Count it."""
        self._source(event.phase, event.source).retries += 1

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        """Count a partition, and keep one that there is something to say about."""
        source = self._source(event.phase, event.source)
        source.count(event)
        begun = self._begun.get((event.phase, event.source))
        if begun is not None:
            source.seconds = round(time.monotonic() - begun, 3)
        if event.outcome not in ("done", "unchanged") or event.remark:
            self._partitions.append(event)

    def _phase(self, name: str) -> PhaseReport:
        return self._phases.setdefault(name, PhaseReport(name))

    def _source(self, phase: str, name: str) -> SourceReport:
        return self._phase(phase).source(name)


def summary(counts: Mapping[str, int]) -> str:
    """Counts of outcomes in words, such as `3 done, 1 failed`; `nothing` if there are none."""
    return ", ".join(f"{counts[name]:,} {name}" for name in OUTCOMES if counts.get(name)) or "nothing"


def _partition(event: PartitionFinished) -> dict[str, Any]:
    return {
        "phase": event.phase,
        "via": event.source,
        "source": event.partition.source,
        "target": event.target,
        "date": event.partition.date.isoformat(),
        "reason": event.reason,
        "outcome": event.outcome,
        "records_held": event.digest.count,
        "error": hide(event.error),
        "remark": hide(event.remark),
    }


def _instant(value: dt.datetime | None) -> str | None:
    return value.isoformat(timespec="milliseconds") if value else None
