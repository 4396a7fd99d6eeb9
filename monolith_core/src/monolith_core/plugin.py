"""The contract between the engine and a source or a target.

The engine makes a plugin with its options and a `Context`, calls `setup` once before a phase and `close` once after it,
however the phase ends. Calls of one plugin object may come from different threads, and for a target from several at
once: `Target.at_once` for each source of the phase.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from monolith_core.note import Note
from monolith_core.options import PluginOptions, SourceOptions, TargetOptions
from monolith_core.partition import Digest, Partition, Window
from monolith_core.record import ArchivedRecord, Record
from monolith_core.rows import Rows

CONTRACT = 1
"""The version of this contract; a plugin may name the one it was built for as its class attribute `contract`."""


class Connector(Protocol):
    """The open connection to the storage that every plugin is given."""

    @property
    def location(self) -> str:
        """Where the storage is, without credentials; comparable with `PluginOptions.location()`."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction on the storage as a SQLAlchemy `Connection`.

        Within `Target.replace` of a target whose location is the storage, this joins the engine's own transaction, so
        that the target's rows and the ledger's row are committed together.
        """
        ...


@dataclass(frozen=True)
class Context:
    """What a plugin knows of the run it is part of.

    `id` is the section's id, `log` a logger for the plugin, `timezone` the one that days are counted in, `storage` the
    storage's connector (None under `monolith check` without a storage). `held` tells, for a source that reads what
    targets of this configuration wrote (the archive), which partitions those hold in a window's days (None: all days)
    and their digests; None if no target of the configuration writes there.

    `known`, within a source's `extract`, gives the version (see `Note`) under which every target that the day is due
    for holds it as done with the present configuration; an empty text if there is none, they differ, or the run is
    forced. It is quick, and any thread may call it.
    """

    id: str
    timezone: ZoneInfo
    storage: Connector | None = None
    held: Callable[[Window | None], Mapping[Partition, Digest] | None] = lambda window: None
    known: Callable[[dt.date], str] = lambda day: ""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("monolith.plugin"))


class StagedRecord(NamedTuple):
    """One record of a complete answer: its content id, its category, its canonical JSON."""

    id: bytes
    category: str
    data: bytes


class Staged(Protocol):
    """One partition of a source's complete answer."""

    @property
    def partition(self) -> Partition:
        """Whose records they are."""
        ...

    @property
    def digest(self) -> Digest:
        """The digest of all its ids."""
        ...

    @property
    def ids(self) -> bytes:
        """All content ids, sorted, 16 bytes each, without repetition."""
        ...

    @property
    def drifted(self) -> bool:
        """Whether the target was found to hold something else than was written: that an id is there does then not
        prove that its record is.

        A target that can read bodies writes those anew that do not give their id (see `content_id`), another one all.
        """
        ...

    def __iter__(self) -> Iterator[StagedRecord]:
        """Each record once, in no particular order; may be iterated as often as needed, by several threads at once."""
        ...

    def fence(self) -> None:
        """Call it just before committing: raises if this run may write no more, because its lease was lost.

        Not needed by a target whose location is the storage: the engine commits for it.
        """
        ...


class Written(NamedTuple):
    """What a target did for one partition: records added and removed, and those that were there already."""

    added: int
    removed: int
    kept: int


Yielded = Record | Rows | ArchivedRecord | Note
"""What a source may yield."""


class Source:
    """Yields the records of a window; subclass it and define `extract`.

    The entry point group is `monolith.sources`.
    """

    Options: ClassVar[type[SourceOptions]] = SourceOptions
    contract: ClassVar[int] = CONTRACT

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    def setup(self) -> None:
        """Called once before the phase; in a worker thread."""

    def close(self) -> None:
        """Called once after the phase, also after a failed `setup`; in a worker thread."""

    def extract(self, window: Window) -> Iterable[Yielded] | AsyncIterable[Yielded]:
        """Yield every record of the window, in any order, and any notes about its days.

        A generator or an iterable is run in a worker thread, an async generator in the trio loop. It is called once a
        window and again after a `TemporaryError`; what was yielded before an error is thrown away. Raise
        `TemporaryError` for what may pass, `PermanentError` for what will not, `Deferred` when a quota is used up,
        `Divide` to be asked for each day by itself.
        """
        raise NotImplementedError(f"{type(self).__name__} must define extract(window)")


class Target:
    """Keeps the records of partitions; subclass it and define `replace`.

    The entry point group is `monolith.targets`.
    """

    Options: ClassVar[type[TargetOptions]] = TargetOptions
    contract: ClassVar[int] = CONTRACT

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    @property
    def at_once(self) -> int:
        """For how many partitions of one source `replace` is called at once.

        More than one pays where a write is mostly waiting for a server. It is one where the target's location is the
        storage.
        """
        return 1

    def setup(self) -> None:
        """Called once before the phase; in a worker thread."""

    def close(self) -> None:
        """Called once after the phase, also after a failed `setup`; in a worker thread."""

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Make the target hold exactly the staged records of the partition: all of them or, after an error, as before.

        Called in a worker thread; repeated after a `TemporaryError`; safe to repeat at any time.
        """
        raise NotImplementedError(f"{type(self).__name__} must define replace(partition, staged)")


@runtime_checkable
class OffersPartitions(Protocol):
    """A source that knows its own partitions and their digests (the archive does)."""

    def partitions(self, window: Window | None) -> Mapping[Partition, Digest] | None:
        """Every partition in the window's days (None: all days; the window's source is not looked at), or None if
        this configuration of the source has no partitions of its own.
        """
        ...


@runtime_checkable
class TellsVersions(Protocol):
    """A source that can tell cheaply which version each day has now.

    A plan asks it once, for the days that are wanted, unless the run is forced; `monolith plan` asks it without
    `setup`. A day that is done is due if it has another version than the ledger's (reason: changed), and is not due if
    it has the same, even while it is provisional. `extract` must yield each day's version in a `Note`, or the day is
    due in every run.
    """

    def versions(self, window: Window) -> Mapping[dt.date, str]:
        """The present version of each day of the window; a day that is not there is planned as if this were not.

        Called in a worker thread, not while `extract` is running; called again after a `TemporaryError`. After any
        other error the source is left out of the phase.
        """
        ...


class Inventory(NamedTuple):
    """What the archive of another program has.

    `records` counts what is to be imported, by source and day. `undated` has a line for each record that belongs to no
    day; `left_out` is how many records a person decided to leave out.
    """

    records: Mapping[Partition, int]
    undated: Sequence[str] = ()
    left_out: int = 0


@runtime_checkable
class TellsInventory(Protocol):
    """A source that is the archive of another program, for `monolith import`.

    The command makes one of it for each source that the archive has records of, with that source's id, asks each for
    its days, and compares its inventory with what was archived.
    """

    def inventory(self) -> Inventory:
        """What is there now; called in the main thread, without `setup`."""
        ...


@runtime_checkable
class Purges(Protocol):
    """A source that can delete what every target holds as final.

    It is purged only while `purges` is true: when its section says how.
    """

    @property
    def purges(self) -> bool:
        """Whether this section of the source is configured to be purged."""
        ...

    def purge(self, window: Window) -> None:
        """Delete the window's records at the source."""
        ...


@runtime_checkable
class TellsDigests(Protocol):
    """A target that can say what it really holds, for reconcile.

    It is asked without `setup`, maybe by a user who may only read, and writes nothing. Where it depends on the options
    whether a target can say it, only an instance that can has the method.
    """

    def digests(self, window: Window | None) -> Iterable[tuple[Partition, Digest]]:
        """The digest of every partition it holds in the window's days (None: all), of every source, each once.

        The window's source is not looked at.
        """
        ...


@runtime_checkable
class TellsRecords(Protocol):
    """A target that can give back what it really holds, for `reconcile --deep`; asked as `TellsDigests` is."""

    def records(self, partition: Partition) -> Iterable[StagedRecord]:
        """Every record of the partition as it is there, in any order; also one whose body does not give its id."""
        ...


@runtime_checkable
class Checks(Protocol):
    """A plugin that can test its connection for `monolith check`, which calls it without `setup`, and then `close`."""

    def check(self) -> str:
        """Connect, and return one line about what was found; raise a MonolithError otherwise. Writes nothing."""
        ...


__all__ = [
    "CONTRACT",
    "Checks",
    "Connector",
    "Context",
    "Inventory",
    "OffersPartitions",
    "PluginOptions",
    "Purges",
    "Source",
    "Staged",
    "StagedRecord",
    "Target",
    "TellsDigests",
    "TellsInventory",
    "TellsRecords",
    "TellsVersions",
    "Written",
    "Yielded",
]
