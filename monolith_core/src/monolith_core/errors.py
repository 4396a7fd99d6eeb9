"""Every error of monolith, grouped by what the engine does about it.

MonolithError
├── ConfigurationError      nothing runs; exit status 2
├── TemporaryError          the partition is tried again in this run, with back-off
│   └── IdleTimeout         a plugin neither yielded nor finished for `timeout`
├── PermanentError          the partition is failed; due again in the next run
│   └── RecordError         a record that cannot be kept, with the field that is wrong
│       └── StrayRecord     one dated outside of the days asked for
├── Deferred                a quota is used up; the rest comes with a later run, exit status 0
├── Divide                  a source answers the window's days only one by one; it is asked for each by itself
├── LeaseHeld               another run works on this source; it is skipped (or waited for)
├── LeaseLost               this run lost its lease; nothing of it is committed any more
├── StorageError            the ledger cannot be read or written
└── IllegalTransition       a partition was to change to a state it cannot reach: a bug

An exception of another type that leaves a plugin is a permanent error of that plugin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


class MonolithError(Exception):
    """The base of all; `str()` is one line for a person: what was got, what was expected, what to do.

    One that is none of those below is a permanent error to the engine.
    """


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong in a configuration.

    `file` and `line` (counted from 1) say where; both may be absent for a fault of the command line.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        if not self.file:
            return self.message
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ConfigurationError(MonolithError):
    """The configuration or the command line is wrong; `faults` has every fault found, in the file's order.

    The engine raises it before anything runs; the exit status is 2. From a plugin it is a permanent error: what is
    wrong with options is said by their model, as a ValueError.
    """

    def __init__(self, faults: Iterable[Fault] | str) -> None:
        self.faults = (Fault("", 0, faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class TemporaryError(MonolithError):
    """May pass by itself: the engine tries again, `retry_after` seconds later if the service said so.

    It does so `retries` times, after 1, 2, 4, ... seconds (at most a minute) and up to one more; a `retry_after` longer
    than the section's `timeout` is not waited for. Then it fails what was asked, and the next window or partition is
    tried only once; after three in a row the rest of the source, or of the target, is left for the next run. Raised by
    `setup` it is not tried again.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IdleTimeout(TemporaryError):
    """A plugin neither yielded a record nor finished for as long as its `timeout`."""


class PermanentError(MonolithError):
    """Will not pass by itself: what was asked is failed, without another try, and the run goes on with the others.

    Raised by `extract` it fails the days of that window, by `replace` that partition in that target, by what a plan
    asks the whole source. What failed is due again in the next run.
    """


class RecordError(PermanentError):
    """A record that cannot be kept; `field` is the path of the value at fault, such as `data.tags[2]`.

    The engine says which `plugin` it came from; a plugin need not. A window of several days is then asked in halves,
    until the day at fault is found: it alone fails.
    """

    def __init__(self, message: str, *, field: str = "", plugin: str = "") -> None:
        super().__init__(": ".join(part for part in (plugin, field, message) if part))
        self.message = message
        self.field = field
        self.plugin = plugin

    def of(self, plugin: str) -> Self:
        """The same error of a plugin."""
        return type(self)(self.message, field=self.field, plugin=plugin)


class StrayRecord(RecordError):
    """A record dated outside of the window: the question is at fault, and no single day of it."""


class Deferred(MonolithError):
    """Raised by a source whose quota is used up: what is left is due in a later run and is no failure.

    The window it is raised in, and all that are left of the source in this phase, are deferred: nothing of them is
    written, targets keep what they hold, and the exit status stays 0. For a single day see `Note.deferred`. From a
    target it is a permanent error.
    """


class Divide(MonolithError):
    """Raised by a source that cannot, or should not, answer many days at once: it is asked for each day by itself.

    What is done of the days is then kept when the rest is deferred or fails. For a single day it is a failure, and from
    a target a permanent error.
    """


class LeaseHeld(MonolithError):
    """Another run holds the lease; `holder` says which."""

    def __init__(self, message: str, *, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class LeaseLost(MonolithError):
    """The lease ran out or was taken over; whatever was being written is rolled back."""


class StorageError(MonolithError):
    """The storage cannot be opened, is too new, or refused a read or a write."""


class IllegalTransition(MonolithError):
    """A partition was to change between two states that the table in `states` does not join."""
