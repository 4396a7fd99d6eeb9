"""What the storage's tables hold, as values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from monolith_core.events import State
from monolith_core.partition import Digest, Partition


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What is known of one partition in one target; the key is (target, source, date).

    `source` and `date` are the partition; `via` is the id of the source that it was planned for, which is another one
    when an archive is loaded further. `digest` is that of what the target holds, also after a failure (None: nothing
    was ever written). `age` is how many seconds the day was over when the source was `asked`; negative before its end.
    `run` is the run that wrote the row, `written` when the target was last changed or found to hold just this.
    `version` is what the source called the answer that the target holds, or, while it is held back, the one that came.
    `purged` says that the source does not have the day any more, or may not. `imprint` is that of the answer with the
    digest, empty if it has none (see `monolith_core.imprint`).
    """

    target: str
    source: str
    date: dt.date
    via: str
    state: State
    digest: Digest | None = None
    fingerprint: str = ""
    age: int = 0
    asked: dt.datetime | None = None
    written: dt.datetime | None = None
    run: str = ""
    error: str = ""
    remark: str = ""
    version: str = ""
    purged: bool = False
    imprint: str = ""

    @property
    def partition(self) -> Partition:
        """The partition that the row is about."""
        return Partition(self.source, self.date)


class Glance(NamedTuple):
    """As much of a ledger row as a plan looks at."""

    state: State
    digest: Digest | None
    fingerprint: str
    age: int
    version: str = ""


class Covered(NamedTuple):
    """One ledger row, as much of it as an overview of years needs; `records` is 0 if nothing was ever written."""

    target: str
    via: str
    source: str
    date: dt.date
    state: State
    age: int
    records: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; `status` is `running` until it says how it ended, or `killed` if it never will."""

    id: str
    config: str
    phases: tuple[str, ...]
    host: str
    pid: int
    started: dt.datetime
    finished: dt.datetime | None = None
    status: str = "running"
    counts: Mapping[str, int] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of `holder` to work on a source in a phase; a later lease has a higher `token`."""

    phase: str
    source: str
    holder: str
    token: int
