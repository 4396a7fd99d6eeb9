"""Looking: asks targets what they really hold, and compares it with the ledger. Writes nothing."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from monolith_core.blame import plain_errors
from monolith_core.config import Config, PluginConfig
from monolith_core.days import DayRange
from monolith_core.errors import MonolithError, StorageError
from monolith_core.partition import EMPTY, Digest, Partition, Window
from monolith_core.plugin import Target, TellsDigests, TellsRecords
from monolith_core.reconcile.bodies import sound
from monolith_core.reconcile.difference import Difference, Kind, compare, kind_of
from monolith_core.runner.opened import make_context
from monolith_core.secrets import hide
from monolith_core.storage import LedgerRow, Storage

log = logging.getLogger("monolith.reconcile")

_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Scope:
    """What is looked at; None stands for all. `deep` also compares the records' bodies with their ids."""

    days: DayRange | None = None
    sources: frozenset[str] | None = None
    partitions: frozenset[Partition] | None = None
    deep: bool = False

    def __contains__(self, partition: Partition) -> bool:
        return (
            (self.days is None or partition.date in self.days)
            and (self.sources is None or partition.source in self.sources)
            and (self.partitions is None or partition in self.partitions)
        )

    @property
    def window(self) -> Window | None:
        """The days, as a target is asked for them."""
        return Window("", self.days.start, self.days.end) if self.days else None

    @property
    def bounds(self) -> tuple[dt.date | None, dt.date | None]:
        """The first and the last day."""
        return (self.days.start, self.days.end) if self.days else (None, None)


@dataclass(frozen=True)
class Found:
    """What was found out about one target.

    `partitions` and `records` are those of the ledger. Of a target that is `silent` nothing can be known, since its
    plugin does not tell; an `error` is why it did not. `deep` says that bodies were compared.
    """

    target: str
    partitions: int = 0
    records: int = 0
    differences: tuple[Difference, ...] = ()
    silent: bool = False
    deep: bool = False
    error: str = ""


def look(config: Config, storage: Storage, targets: Iterable[str], scope: Scope) -> Iterator[Found]:
    """What each target really holds; one that cannot be asked is no reason not to ask the others."""
    names = list(targets)
    for name in names:
        target = config.targets[name]
        try:
            with plain_errors(target):
                found = _asked(config, storage, target, scope, names)
        except StorageError:
            raise
        except MonolithError as error:
            found = Found(name, error=hide(str(error)))
        yield found


def _asked(config: Config, storage: Storage, target: PluginConfig, scope: Scope, asked: list[str]) -> Found:
    context = make_context(target, config.monolith.timezone, storage, lambda window: None)
    plugin: Target = target.plugin(target.options, context)
    try:
        if not isinstance(plugin, TellsDigests):
            return Found(target.id, silent=True)
        return _Look(config, storage, target, plugin, scope, asked).found()
    finally:
        plugin.close()


@dataclass
class _Look:
    """One look at one target.

    Targets at one location hold each other's partitions: a partition is the one's that wrote it last.
    """

    config: Config
    storage: Storage
    target: PluginConfig
    plugin: Target
    scope: Scope
    asked: list[str]
    unequal: dict[Partition, Digest] = field(default_factory=dict)
    equal: list[Partition] = field(default_factory=list)
    changed: set[Partition] = field(default_factory=set)
    workers: dict[str | None, str] = field(default_factory=dict)

    def found(self) -> Found:
        start, end = self.scope.bounds
        expected = self.storage.ledger.digests(self._together, start, end, self.scope.sources)
        if self.scope.partitions is not None:
            expected = {partition: digest for partition, digest in expected.items() if partition in self.scope}
        partitions, records = len(expected), sum(digest.count for digest in expected.values())
        self.unequal = dict(compare(expected, self._told(expected)))
        deep = self.scope.deep and isinstance(self.plugin, TellsRecords)
        if deep:
            self.changed = set(self._read())
        differences = sorted(self._differences(), key=lambda each: (-each.partition.date.toordinal(), each.partition))
        return Found(self.target.id, partitions, records, tuple(differences), deep=deep)

    @cached_property
    def _together(self) -> list[str]:
        """The targets at this one's location, itself first."""
        where = self.target.options.location()
        others = [
            each.id for each in self.config.targets.values() if where is not None and each.options.location() == where
        ]
        return [self.target.id, *(name for name in others if name != self.target.id)]

    def _told(self, expected: dict[Partition, Digest]) -> Iterator[tuple[Partition, Digest]]:
        """What the target holds; notes which of it is as the ledger says."""
        assert isinstance(self.plugin, TellsDigests)
        for partition, digest in self.plugin.digests(self.scope.window):
            if partition in self.scope:
                if self.scope.deep and expected.get(partition) == digest:
                    self.equal.append(partition)
                yield partition, digest

    def _read(self) -> Iterator[Partition]:
        """The partitions whose ids are right and whose bodies are not."""
        assert isinstance(self.plugin, TellsRecords)
        for partition in self.equal:
            log.debug("%s: reading %s", self.target.id, partition)
            if not sound(partition, self.plugin.records(partition)):
                yield partition

    def _differences(self) -> Iterator[Difference]:
        rows = self._rows()
        for partition in {*self.unequal, *self.changed, *rows}:
            row = rows.get(partition)
            ledger = (row.digest if row is not None else None) or EMPTY
            held = self.unequal.get(partition, ledger)
            kind = self._kind(partition, row, ledger, held)
            if kind is not None and self._is_mine(row):
                worker = self._worker(None if row is None else row.via)
                yield Difference(self.target.id, partition, kind, ledger, held, row, worker)

    def _kind(self, partition: Partition, row: LedgerRow | None, ledger: Digest, held: Digest) -> Kind | None:
        """What is wrong with a partition, by the ledger's row as it is now; None if that has come to say the same."""
        if ledger != held:
            return kind_of(ledger, held)
        if partition in self.changed:
            return "body"
        return "marked" if row is not None and row.state == "drift" else None

    def _rows(self) -> dict[Partition, LedgerRow]:
        """The ledger's rows, read now, of what was found and of what an earlier reconcile marked."""
        ledger, (start, end) = self.storage.ledger, self.scope.bounds
        marked = ledger.rows(targets=self._together, states=["drift"], sources=self.scope.sources, start=start, end=end)
        wanted = {*self.unequal, *self.changed, *(row.partition for row in marked if row.partition in self.scope)}
        if not wanted:
            return {}
        days = [partition.date for partition in wanted]
        rows = ledger.rows(targets=self._together, sources=self.scope.sources, start=min(days), end=max(days))
        rows.sort(key=lambda row: row.written or _NEVER)
        return {row.partition: row for row in rows if row.partition in wanted}

    def _is_mine(self, row: LedgerRow | None) -> bool:
        """Whether this target is the one of those at its location that a difference is told of."""
        if row is not None:
            return row.target == self.target.id
        return self.target.id == next(name for name in self.asked if name in self._together)

    def _worker(self, via: str | None) -> str:
        """The run that works now on the source, or, if it is not known, on any source of this target."""
        if via not in self.workers:
            self.workers[via] = next(self._workers(via), "")
        return self.workers[via]

    def _workers(self, via: str | None) -> Iterator[str]:
        for phase in self.config.phases.values():
            for source in phase.sources if self.target.id in phase.targets else ():
                holder = self.storage.leases.holder(phase.id, source) if via in (source, None) else None
                if holder is not None:
                    yield holder
