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
    partition: Partition
    reason: Reason


@dataclass(frozen=True, slots=True)
class Run:
    """One start of monolith-extract; `id` is unique in the storage."""

    id: str
    config: str
    phases: tuple[str, ...]
    started: dt.datetime
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class SourcePlanned:
    """The plan of one source in one phase: what is due, newest day first."""

    phase: str
    source: str
    due: tuple[DueDay, ...]


@dataclass(frozen=True, slots=True)
class WindowStarted:
    """A source is asked for a window."""

    phase: str
    source: str
    window: Window


@dataclass(frozen=True, slots=True)
class WindowProgress:
    """A source has yielded so many records of a window so far."""

    phase: str
    source: str
    window: Window
    records: int


@dataclass(frozen=True, slots=True)
class PartitionFinished:
    """What became of one due partition in one target.

    `outcome` is a ledger state, or `unchanged` (the target already held exactly this) or `skipped` (another run holds
    the lease, or this one was stopped). `records` counts the partition's records, `added` and
    `removed` what was written.
    """

    phase: str
    source: str
    target: str
    partition: Partition
    reason: Reason
    outcome: Literal["done", "unchanged", "failed", "held", "deferred", "skipped"]
    digest: Digest = field(default_factory=Digest)
    added: int = 0
    removed: int = 0
    error: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """A temporary error; `doing` is tried again after `delay` seconds, for the `attempt`-th time of `retries`."""

    phase: str
    source: str
    doing: str
    error: str
    attempt: int
    retries: int
    delay: float


@dataclass(frozen=True, slots=True)
class SourceSkipped:
    """A source that was not worked on in this phase, and why.

    `failed` tells an error (its partitions could not be asked for) from a lease that another run holds.
    """

    phase: str
    source: str
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Purged:
    """A source was purged of a window that every target holds as final, or, with an `error`, was not."""

    phase: str
    source: str
    window: Window
    error: str = ""


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """A phase is over; `ok` is whether everything due in it is done."""

    phase: str
    ok: bool
    seconds: float
