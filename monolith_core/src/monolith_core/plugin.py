"""The contract between the engine and a source or a target.

The engine makes a plugin with its options and a `Context`, calls `setup` once before a phase and `close` once after it,
however the phase ends. Calls of one plugin object may come from different threads, and several at once: for a source
`jobs` of them, for a target `Target.at_once` for each source of the phase. docs/contract.rst has the whole in prose.
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
    """The open connection to the storage that sources, targets and executors are given.

    One object for the whole run; any thread may use it at any time. What it raises is a `TemporaryError` for what may
    pass, such as a server that is away, and another MonolithError otherwise: let both pass.
    """

    @property
    def location(self) -> str:
        """Where the storage is, without credentials; comparable with `PluginOptions.location()`."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction on the storage as a SQLAlchemy `Connection`, committed at the end, or rolled back by an error.

        Within `Target.replace` of a target whose location is the storage, this joins the engine's own transaction, so
        that the target's rows and the ledger's row are committed together. It blocks: never enter it in the trio loop.
        """
        ...


@dataclass(frozen=True)
class Context:
    """What a plugin knows of the run it is part of; it is given to its `__init__`, and stays the same.

    `id` is the section's id, `log` a logger for the plugin, `timezone` the one that days are counted in, `storage` the
    storage's connector (None for transforms and hooks, and under `monolith check` without a storage). `held` tells, for
    a source that reads what targets of this configuration wrote (the archive), which partitions those hold in a
    window's days (None: all days) and their digests; None if no target of the configuration writes there. It reads the
    ledger, so it blocks, and any thread may call it.

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
    """One partition of a source's complete answer, as `Target.replace` is given it.

    It may be read only until `replace` has come back: the window's answer is thrown away when every target has it, and
    reading it then raises.
    """

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
        """Each record once, in no particular order; may be iterated as often as needed, by several threads at once.

        Each record that is taken counts as progress; see `Target.replace` for the idle timeout.
        """
        ...

    def fence(self) -> None:
        """Call it just before committing: raises if this write may not be completed any more. Let the error pass.

        That is so when the run lost its lease, and when this very write was given up as idle. Not needed by a target
        whose location is the storage: the engine commits for it.
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

    The entry point group is `monolith.sources`. One object is made for a phase; `monolith plan` and `monolith check`
    make one of their own, and do not set it up. `__init__` is called in a worker thread and opens nothing.

    Calls of `extract` overlap, from different threads, if the option `jobs` is above 1: keep nothing of a window in
    `self` without a lock.
    """

    Options: ClassVar[type[SourceOptions]] = SourceOptions
    contract: ClassVar[int] = CONTRACT

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    def setup(self) -> None:
        """Open what is needed; called once before the phase, in a worker thread, while other plugins are set up too.

        It has `timeout` seconds in all. An error, a temporary one too, fails everything that is due of the source in
        this phase; no other source is held up, and `close` is called all the same.
        """

    def close(self) -> None:
        """Release what is open; called once after the phase, in a worker thread, however the phase ended.

        It is called after a failed `setup`, without `setup` by commands that only look, and maybe while a call that was
        given up is still running in a thread that was left. It has 30 seconds. An error is logged and changes nothing.
        Threads and connections that are still there afterwards are warned of.
        """

    def extract(self, window: Window) -> Iterable[Yielded] | AsyncIterable[Yielded]:
        """Yield every record of the window, in any order, and any notes about its days.

        A generator or an iterable is run in a worker thread, an async generator in the trio loop, where it must await
        and never block. It is called once a window, newest window first, and again after a `TemporaryError`, or with a
        part of the window after a `RecordError`; what was yielded before an error is thrown away. Asked again, the same
        day has the same records.

        Raise `TemporaryError` for what may pass: the window is tried again, `retries` times. `PermanentError` for what
        will not: the window's days fail, the next window is asked. `Deferred` when a quota is used up: the rest of the
        source waits for a later run. `Divide` to be asked for each day by itself. Another exception is a permanent
        error that names the plugin.

        A call is given up when it yields nothing for `timeout` seconds (a temporary error), when the run is stopped,
        and when its lease is lost. An async generator gets `trio.Cancelled` where it awaits: let it pass, and end what
        was begun in `finally`. A thread cannot be ended: it is left, and its generator is closed at its next `yield`,
        maybe while `extract` runs again.
        """
        raise NotImplementedError(f"{type(self).__name__} must define extract(window)")


class Target:
    """Keeps the records of partitions; subclass it and define `replace`.

    The entry point group is `monolith.targets`. One object is made for a phase; `monolith reconcile` and
    `monolith check` make one of their own, and do not set it up. `__init__` is called in a worker thread and opens
    nothing.

    Calls of `replace` overlap, from different threads: `at_once` of them for each source of the phase, never two for
    one partition but for a call that was given up and still runs.
    """

    Options: ClassVar[type[TargetOptions]] = TargetOptions
    contract: ClassVar[int] = CONTRACT

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    @property
    def at_once(self) -> int:
        """For how many partitions of one source `replace` is called at once; read once, after `setup`.

        More than one pays where a write is mostly waiting for a server. It is one where the target's location is the
        storage.
        """
        return 1

    def setup(self) -> None:
        """Open what is needed; called once before the phase, in a worker thread, while other plugins are set up too.

        It has `timeout` seconds in all. An error, a temporary one too, fails everything that is due in the target in
        this phase; the other targets get their records, and `close` is called all the same.
        """

    def close(self) -> None:
        """Release what is open; called once after the phase, in a worker thread, however the phase ended.

        The same holds of it as of `Source.close`. What `replace` has written must stay without it: a process may be
        killed at any time.
        """

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Make the target hold exactly the staged records of the partition: all of them or, after an error, as before.

        Called in a worker thread; repeated after a `TemporaryError`; safe to repeat at any time, also by another
        process after this one was killed in the middle. It comes back only when what it says is sure to stay.

        A `TemporaryError` is tried again, `retries` times; after three partitions in a row that failed so, the target
        is given up for the phase. Any other error fails the partition, and the next one is written. What failed is due
        in the next run.

        A call is given up when it has taken no record for `timeout` seconds and does not come back. Its thread cannot
        be ended: it is left, `Staged.fence` raises in it, and the partition may be written anew while it still runs. A
        stop of the run waits for the partition that is being written.
        """
        raise NotImplementedError(f"{type(self).__name__} must define replace(partition, staged)")


@runtime_checkable
class OffersPartitions(Protocol):
    """A source that knows its own partitions and their digests (the archive does).

    A plan then asks only for those whose digest differs from what a target holds, each by itself: the source of the
    window that `extract` gets is the partition's. It must yield exactly the records that the digest is of.
    """

    def partitions(self, window: Window | None) -> Mapping[Partition, Digest] | None:
        """Every partition in the window's days (None: all days; the window's source is not looked at), or None if
        this configuration of the source has no partitions of its own.

        Called in a worker thread, once for a plan, never while `extract` is running; by `monolith plan` without
        `setup`. Called again after a `TemporaryError`. After any other error, and after `timeout` seconds, the source
        is left out of the phase.
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
        """What is there now; called in the main thread, without `setup`, and before `close`.

        Nothing else is asked meanwhile, and it is never cancelled. Any error ends the command.
        """
        ...


@runtime_checkable
class Purges(Protocol):
    """A source that can delete what every target holds as final.

    It is purged only while `purges` is true: when its section says how. A day that was to be purged is not asked for
    any more, whether `purge` came to its end or not.
    """

    @property
    def purges(self) -> bool:
        """Whether this section of the source is configured to be purged; read often, from any thread."""
        ...

    def purge(self, window: Window) -> None:
        """Delete the window's records at the source; safe to repeat.

        Called in a worker thread, after `setup`, one call at a time, maybe while `extract` is running for other days.
        It is never cancelled: a stop of the run waits for it, and no timeout ends it. An error is told, the run is not
        well then, and `monolith-extract --purge-only` calls it again.
        """
        ...


@runtime_checkable
class TellsDigests(Protocol):
    """A target that can say what it really holds, for `monolith reconcile` and for a ledger that does not know.

    `monolith reconcile` asks it without `setup`, maybe as a user who may only read. A run asks, in a worker thread,
    about the days of a window for which the ledger has nothing of this target, maybe while `replace` is running for
    other sources. It writes nothing. Where it depends on the options whether a target can say it, only an instance that
    can has the method.
    """

    def digests(self, window: Window | None) -> Iterable[tuple[Partition, Digest]]:
        """The digest of every partition it holds in the window's days (None: all), of every source, each once.

        The window's source is not looked at. In a run an error, and the target's `timeout`, fail those days in this
        target; of `monolith reconcile` it is what it says of this target, before it looks at the next one.
        """
        ...


@runtime_checkable
class TellsRecords(Protocol):
    """A target that can give back what it really holds, for `reconcile --deep`; asked as `TellsDigests` is."""

    def records(self, partition: Partition) -> Iterable[StagedRecord]:
        """Every record of the partition as it is there, in any order; also one whose body does not give its id.

        Called once for each partition whose digest is right, one after the other; errors are those of `digests`.
        """
        ...


@runtime_checkable
class Checks(Protocol):
    """A plugin that can test its connection for `monolith check`, which calls it without `setup`, and then `close`."""

    def check(self) -> str:
        """Connect, and return one line about what was found; raise a MonolithError otherwise. Writes nothing.

        Called once, in a worker thread, while other plugins are checked. After `--timeout` its thread is left. An error
        is one line of `monolith check`, whose exit status is 1 then.
        """
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
