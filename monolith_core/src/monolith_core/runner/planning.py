"""Planning: reads what the plan needs from the ledger, the sources and the clock."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monolith_core import days
from monolith_core.blame import plain_errors
from monolith_core.config import Config, PhaseConfig, PluginConfig
from monolith_core.days import DayRange
from monolith_core.errors import PermanentError
from monolith_core.events import DueDay, SourcePlanned
from monolith_core.partition import ONE_DAY, Digest, Partition, Window
from monolith_core.plan import (
    NO_VERSIONS,
    Ledger,
    Row,
    Wanted,
    due_days,
    due_partitions,
    known_versions,
    newest_first,
    settled_days,
    wanted_days,
    windows,
)
from monolith_core.plugin import OffersPartitions, Purges, Source, TellsVersions
from monolith_core.runner.opened import make_context
from monolith_core.runner.request import Request
from monolith_core.storage import Held, LedgerRow, Storage

log = logging.getLogger("monolith.run")


@dataclass(frozen=True)
class SourcePlan:
    """What is due of one source in one phase at an instant, and the windows that ask for it, newest first.

    `offered` are the partitions of a source that has its own, None for an ordinary one. `known` are the versions of due
    days that have one, `settled` for each target the days that the source told to be the same, and that are final now.
    """

    at: dt.datetime
    due: tuple[DueDay, ...]
    windows: tuple[Window, ...]
    offered: Mapping[Partition, Digest] | None = None
    known: Mapping[dt.date, str] = field(default_factory=dict)
    settled: Mapping[str, Sequence[dt.date]] = field(default_factory=dict)


def utcnow() -> dt.datetime:
    """The present instant."""
    return dt.datetime.now(dt.UTC)


def fingerprint(source: PluginConfig, target: PluginConfig) -> str:
    """What the ledger keeps of the options that a partition was written under."""
    return source.fingerprint + target.fingerprint


def holding(config: Config, source: PluginConfig) -> list[str]:
    """The targets of the configuration that write where `source` reads."""
    where = source.options.location()
    return [each.id for each in config.targets.values() if where is not None and each.options.location() == where]


def held(config: Config, source: PluginConfig, storage: Storage, window: Window | None) -> Held | None:
    """What those targets hold, by the ledger; None if there are none."""
    targets = holding(config, source)
    days = DayRange(window.start, window.end) if window else None
    return Held(storage.ledger, tuple(targets), days) if targets else None


class Planner:
    """Plans the sources of one phase."""

    def __init__(
        self, config: Config, phase: PhaseConfig, storage: Storage, request: Request, now: dt.datetime
    ) -> None:
        self.config = config
        self.phase = phase
        self.storage = storage
        self.request = request
        self.now = now
        self.today = days.today(config.monolith.timezone, now)

    def plan(self, source: PluginConfig, plugin: Source) -> SourcePlan:
        """What is due of one source; raises what the source raises."""
        offered = self._offered(source, plugin)
        if offered is not None and source.transforms:
            raise PermanentError(
                f"{source.id} has partitions of its own, which cannot be transformed; remove transforms from its "
                "section, or transform what is archived in the first place"
            )
        if offered is None:
            return self._ordinary(source, plugin)
        found, offered = self._own_partitions(source, offered)
        due = self._only(source.id, found, ordinary=False)
        return SourcePlan(self.now, tuple(due), tuple(windows(due, source.options.span)), offered)

    def wanted(self, source: PluginConfig) -> Wanted:
        """Which days of an ordinary source are wanted."""
        since = source.options.since
        created = None if since else self.storage.leases.created(self.phase.id, source.id)
        return wanted_days(
            today=self.today,
            since=since,
            until=source.options.until,
            first_run=days.today(self.config.monolith.timezone, created) if created else None,
            explicit=self.request.days,
            force=self.request.force,
        )

    def _only(self, source: str, due: list[DueDay], *, ordinary: bool) -> list[DueDay]:
        """Those that the request names, if it does; an ordinary source is asked for the whole day of each."""
        if self.request.only is None:
            return due
        named = {
            (target, Partition(source, partition.date) if ordinary else partition)
            for via, target, partition in self.request.only
            if via == source
        }
        return [each for each in due if (each.target, each.partition) in named]

    def _targets(self) -> Iterable[PluginConfig]:
        return (self.config.targets[name] for name in self.phase.targets)

    def _offered(self, source: PluginConfig, plugin: Source) -> Mapping[Partition, Digest] | None:
        if not isinstance(plugin, OffersPartitions):
            return None
        limits = self._limits(source)
        window = Window(source.id, limits.start, limits.end) if limits else None
        with plain_errors(source):
            return _checked(source, plugin.partitions(window))

    def _limits(self, source: PluginConfig) -> DayRange | None:
        """The days that a source's own partitions are limited to, None if they are not."""
        if self.request.only:
            named = [partition.date for _, _, partition in self.request.only]
            return DayRange(min(named), max(named))
        if self.request.days is not None:
            return self.request.days
        since, until = source.options.since, source.options.until
        if since is None and until is None:
            return None
        return DayRange(since or dt.date.min, max(until or dt.date.max - ONE_DAY, since or dt.date.min))

    def _own_partitions(
        self, source: PluginConfig, offered: Mapping[Partition, Digest]
    ) -> tuple[list[DueDay], Mapping[Partition, Digest]]:
        """What is due, and the offered partitions, at least those of which something is."""
        limits = self._limits(source)
        named = self.request.sources
        sources = None if named is None or source.id in named else named  # the archive's id means all that it offers
        due: list[DueDay] = []
        looked_at: dict[Partition, Digest] = {}
        for target in self._targets():
            some, ledger = self._copied(source, target, offered, limits)
            due += due_partitions(some, [ledger], days=limits, sources=sources, force=self.request.force)
            looked_at.update(some)
        return newest_first(due), looked_at

    def _copied(
        self, source: PluginConfig, target: PluginConfig, offered: Mapping[Partition, Digest], limits: DayRange | None
    ) -> tuple[Mapping[Partition, Digest], Ledger]:
        """The offered partitions and the target's rows; of what one target of ours holds, only what may be due."""
        ledger, mark = self.storage.ledger, fingerprint(source, target)
        start, end = (limits.start, limits.end) if limits else (None, None)
        rows: Mapping[Partition, Row]
        if (
            isinstance(offered, Held)
            and len(offered.targets) == 1
            and offered.days == limits
            and not self.request.force
        ):
            some, rows = ledger.unlike(target.id, source.id, mark, offered.targets[0], start, end)
            return some, Ledger(target.id, mark, rows)
        return offered, Ledger(target.id, mark, ledger.glance(target.id, source.id, start, end))

    def _ordinary(self, source: PluginConfig, plugin: Source) -> SourcePlan:
        if self.request.sources is not None and not self._carries(source):
            return SourcePlan(self.now, (), ())
        wanted = self.wanted(source)
        settle = source.options.settle
        versions = self._versions(source, plugin, wanted)
        ledgers = [self._ledger(source, target, wanted, settle, whole=bool(versions)) for target in self._targets()]
        due = due_days(source.id, wanted, settle, ledgers, versions)
        if purges(source, plugin):
            due = self._without_purged(source.id, due)
        due = self._only(source.id, due, ordinary=True)
        return SourcePlan(
            self.now,
            tuple(due),
            tuple(windows(due, source.options.span, self._hollow())),
            known=NO_VERSIONS if wanted.force else known_versions(source.id, due, ledgers),
            settled={each.target: settled_days(source.id, settle, each, versions, self._age) for each in ledgers},
        )

    def _hollow(self) -> Callable[[dt.date], bool]:
        """Whether it is known of a day that there is nothing."""
        named = {partition.date for _, _, partition in self.request.only or ()} if self.request.sparse else None
        return lambda day: named is not None and day not in named

    def _age(self, day: dt.date) -> int:
        return days.age(day, self.config.monolith.timezone, self.now)

    def _versions(self, source: PluginConfig, plugin: Source, wanted: Wanted) -> Mapping[dt.date, str]:
        """The present versions of the wanted days, of those that the source tells them of; none if all are forced."""
        if wanted.days is None or wanted.force or not isinstance(plugin, TellsVersions):
            return NO_VERSIONS
        with plain_errors(source):
            told = dict(plugin.versions(Window(source.id, wanted.days.start, wanted.days.end)))
        for day, version in told.items():
            if type(day) is not dt.date or not isinstance(version, str):
                raise PermanentError(f"{source.id} told a version {version!r} of {day!r}, expected a text of a date")
        return {day: version for day, version in told.items() if version and day in wanted.days}

    def _without_purged(self, source: str, due: list[DueDay]) -> list[DueDay]:
        """What is due but for the days the source does not have any more, whatever it would say about them."""
        purged = self.storage.ledger.purged(source)
        lacking = {each.target for each in due if each.reason == "new" and each.partition.date in purged}
        if lacking:
            log.warning(
                "%s was purged of days that %s lacks; it is not asked for them again: load them from the archive",
                source,
                ", ".join(sorted(lacking)),
            )
        return [each for each in due if each.partition.date not in purged]

    def _carries(self, source: PluginConfig) -> bool:
        """Whether a source is one of those asked for, or has yielded records of one of them."""
        asked = self.request.sources or frozenset()
        return source.id in asked or self.storage.ledger.carries(self.phase.targets, source.id, sorted(asked))

    def _ledger(
        self, source: PluginConfig, target: PluginConfig, wanted: Wanted, settle: float, *, whole: bool
    ) -> Ledger:
        """The rows of one target; those of a settled stretch from the first day on are only counted, unless `whole`."""
        ledger, mark = self.storage.ledger, fingerprint(source, target)
        rows: dict[Partition, Row] = {}
        if not wanted.explicit:
            rows.update(_by_partition(ledger.unsettled(target.id, source.id, settle)))
        done: DayRange | None = None
        start, end = (wanted.days.start, wanted.days.end) if wanted.days else (None, None)
        if start is not None and end is not None:
            if not wanted.force and not whole:
                done = ledger.stretch(target.id, source.id, start, end, mark, settle)
            rest = done.end + ONE_DAY if done else start
            if rest <= end:
                rows.update(ledger.glance_days(target.id, source.id, rest, end))
        return Ledger(target.id, mark, rows, done)


def _checked(source: PluginConfig, offered: Any) -> Mapping[Partition, Digest] | None:
    """What a source offers, if it is partitions and their digests."""
    if offered is None or isinstance(offered, Held):
        return offered
    if not isinstance(offered, Mapping):
        raise PermanentError(f"{source} offers {type(offered).__name__}, expected a mapping of Partition to Digest")
    kinds = {*map(type, offered), *map(type, offered.values())} - {Partition, Digest}
    if kinds:
        wrong = min(kind.__name__ for kind in kinds)
        raise PermanentError(f"{source} offers {wrong} among its partitions, expected a mapping of Partition to Digest")
    return offered


def purges(source: PluginConfig, plugin: object) -> bool:
    """Whether a source is configured to be purged; raises what it raises."""
    with plain_errors(source):
        return isinstance(plugin, Purges) and bool(plugin.purges)


def _by_partition(rows: Sequence[LedgerRow]) -> dict[Partition, LedgerRow]:
    return {Partition(row.source, row.date): row for row in rows}


def plan(config: Config, request: Request, now: dt.datetime | None = None) -> list[SourcePlanned]:
    """What would be due now, for every source of every phase to run; writes nothing and creates nothing.

    A later phase is planned on what its sources hold now, before the earlier ones have run.
    """
    storage = Storage.open(config.monolith.database.get_secret_value(), migrate=False)
    try:
        found = []
        for name in config.sequence:
            phase = config.phases[name]
            planner = Planner(config, phase, storage, request, now or utcnow())
            for each in phase.sources:
                source = config.sources[each]
                found.append(SourcePlanned(name, each, _plan_alone(planner, source, storage).due))
        return found
    finally:
        storage.close()


def _plan_alone(planner: Planner, source: PluginConfig, storage: Storage) -> SourcePlan:
    """Plan a source that is made for that only."""
    context = make_context(
        source,
        planner.config.monolith.timezone,
        storage,
        lambda window: held(planner.config, source, storage, window),
    )
    plugin = None
    try:
        with plain_errors(source):
            plugin = source.plugin(source.options, context)
        return planner.plan(source, plugin)
    finally:
        if plugin is not None:
            with plain_errors(source):
                plugin.close()
