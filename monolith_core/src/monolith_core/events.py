"""What hooks are told: small immutable facts about a run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from monolith_core.partition import Digest, Partition, Window

Reason = Literal["new", "provisional", "failed", "held", "deferred", "changed", "config changed", "forced", "drift"]
"""Why a partition is due."""

State = Literal["done", "failed", "held", "deferred", "drift"]
"""What the ledger says of a partition."""


@dataclass(frozen=True, slots=True)
class DueDay:
    """One partition that one target is due to be given, and why."""

    target: str
    """The id of the target."""
    partition: Partition
    """The source that the records are of, and the day."""
    reason: Reason
    """Why it is due."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of monolith-extract."""

    id: str
    """A text that no other run of the storage has."""
    config: str
    """The path of the configuration, as it was given."""
    phases: tuple[str, ...]
    """The ids of the phases, in their order."""
    started: dt.datetime
    """When it began, in UTC."""
    host: str
    """The name of the host."""
    pid: int
    """The number of the process."""


@dataclass(frozen=True, slots=True)
class SourcePlanned:
    """The plan of one source in one phase."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source."""
    due: tuple[DueDay, ...]
    """What is due, newest day first; one for each target. Nothing may be."""


@dataclass(frozen=True, slots=True)
class WindowStarted:
    """A source is asked for a window."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source that is asked."""
    window: Window
    """The days, and the source whose records are wanted."""


@dataclass(frozen=True, slots=True)
class WindowProgress:
    """A source is answering."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source that is asked."""
    window: Window
    """The days, and the source whose records are wanted."""
    records: int
    """How many records it has yielded of the window so far."""


@dataclass(frozen=True, slots=True)
class PartitionFinished:
    """What became of one due partition in one target."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source that was asked."""
    target: str
    """The id of the target."""
    partition: Partition
    """The source that the records are of, and the day."""
    reason: Reason
    """Why it was due."""
    outcome: Literal["done", "unchanged", "failed", "held", "deferred", "skipped"]
    """A state of the ledger, or `unchanged` (the target held exactly this already), or `skipped` (another run holds the
    lease, or this one was stopped)."""
    digest: Digest = field(default_factory=Digest)
    """What the target holds of it now; its `count` is the number of records."""
    added: int = 0
    """Records that were written."""
    removed: int = 0
    """Records that were removed."""
    error: str = ""
    """Why it is failed, held, deferred or skipped."""
    remark: str = ""
    """What the source says about the day."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A temporary error that is going to be tried again."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source."""
    doing: str
    """What is tried again."""
    error: str
    """What happened."""
    attempt: int
    """How often it was tried again with this time, from 1."""
    retries: int
    """How often it is tried again at most."""
    delay: float
    """Seconds until then."""


@dataclass(frozen=True, slots=True)
class SourceSkipped:
    """A source that was not worked on in this phase, or not to the end."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source."""
    why: str
    """The error, or who holds the lease."""
    failed: bool = False
    """Whether it is an error, and not a lease that another run holds."""


@dataclass(frozen=True, slots=True)
class Purged:
    """A source was purged of a window that every target holds as final, or was not."""

    phase: str
    """The id of the phase."""
    source: str
    """The id of the source."""
    window: Window
    """The days."""
    error: str = ""
    """Why it was not purged; empty if it was."""


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """A phase is over."""

    phase: str
    """The id of the phase."""
    ok: bool
    """Whether nothing of it failed, was held, or was left undone."""
    seconds: float
    """How long it took."""
