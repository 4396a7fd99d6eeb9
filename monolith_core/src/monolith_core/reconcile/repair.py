"""Repair: what was found different is marked in the ledger as drift, and then loaded again by the runner."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from monolith_core.blame import plain_errors
from monolith_core.config import Config, PhaseConfig
from monolith_core.errors import LeaseHeld
from monolith_core.partition import Digest, Partition, Window
from monolith_core.plugin import OffersPartitions
from monolith_core.reconcile.difference import Difference
from monolith_core.reconcile.look import Found
from monolith_core.runner.opened import make_context
from monolith_core.runner.planning import held
from monolith_core.runner.request import Request
from monolith_core.secrets import hide
from monolith_core.states import move
from monolith_core.storage import Lease, LedgerRow, Storage
from monolith_core.storage.holder import identity

_A_DAY = dt.date(2000, 1, 1)
_CHANGED = "a run has written it meanwhile; look again"
_AT_ONCE = 1000
"""Rows that are marked in one transaction, well within the time of a lease."""


@dataclass(frozen=True)
class Left:
    """A difference that is still there, and why."""

    difference: Difference
    why: str


@dataclass(frozen=True)
class Marked:
    """A difference that is in the ledger now, and the source that is asked for it."""

    difference: Difference
    via: str


def mark(config: Config, storage: Storage, differences: Iterable[Difference]) -> tuple[list[Marked], list[Left]]:
    """Mark the differences in the ledger, each under the lease of its source.

    Those whose source another run works on, or which no source of the configuration speaks for, are left.
    """
    speakers = _Speakers(config, storage)
    marked: list[Marked] = []
    left: list[Left] = []
    by_source: dict[str, list[Difference]] = defaultdict(list)
    for difference in differences:
        via = speakers.of(difference)
        if via is None:
            left.append(Left(difference, f"no source that {difference.target} is written from speaks for it"))
        else:
            by_source[via].append(difference)
    for via, found in by_source.items():
        try:
            for difference, why in _mark(config, storage, via, found):
                if why:
                    left.append(Left(difference, why))
                else:
                    marked.append(Marked(difference, via))
        except LeaseHeld as error:
            left += [Left(difference, hide(str(error))) for difference in found]
    return marked, left


def loading(config: Config, marked: Iterable[Marked]) -> tuple[Config, Request]:
    """The configuration and the request of a run that loads again what is marked, and nothing else."""
    wanted = list(marked)
    sources: dict[str, set[str]] = defaultdict(set)
    for via, target in {(each.via, each.difference.target) for each in wanted}:
        phase = next(_phases(config, via, target))
        sources[phase.id].add(via)
    # All targets stay: what of a source may be purged depends on every one of them.
    phases = {
        name: replace(phase, sources=tuple(source for source in phase.sources if source in sources[name]))
        for name, phase in config.phases.items()
        if name in sources
    }
    sequence = tuple(phase for phase in _in_order(config) if phase in phases)
    only = frozenset((each.via, each.difference.target, each.difference.partition) for each in wanted)
    return replace(config, phases=config.phases | phases, sequence=sequence), Request(only=only)


def unrepaired(storage: Storage, marked: Iterable[Marked], again: Iterable[Found]) -> list[Left]:
    """What of the marked the ledger does not call done now, or was found different `again`."""
    looked = {each.target: each for each in again}
    different = {(each.target, each.partition): each for found in looked.values() for each in found.differences}
    found = [each.difference for each in marked]
    rows = _rows(storage, found)
    left = []
    for each in found:
        key = each.target, each.partition
        row = rows.get(key)
        if row is None or row.state != "done":
            left.append(Left(each, row.error if row is not None else ""))
        elif key in different:
            left.append(Left(each, f"it was loaded again, and then {different[key].text}"))
        elif looked[each.target].error:
            left.append(Left(each, f"it was loaded again, but not compared again: {looked[each.target].error}"))
    return left


def _mark(
    config: Config, storage: Storage, via: str, differences: list[Difference]
) -> Iterator[tuple[Difference, str]]:
    """Mark the differences of one source; each with why it is not, empty if it is. Raises LeaseHeld."""
    targets = {difference.target for difference in differences}
    phases = dict.fromkeys(phase.id for target in sorted(targets) for phase in _phases(config, via, target))
    ordered = iter(sorted(differences, key=lambda each: (each.target, each.partition.date, each.partition.source)))
    ttl = config.monolith.lease
    with ExitStack() as stack:
        leases: list[Lease] = []
        for phase in phases:
            leases.append(storage.leases.acquire(phase, via, identity(), ttl))
            stack.callback(storage.leases.release, leases[-1])
        while chunk := list(islice(ordered, _AT_ONCE)):
            with storage.transaction() as connection:
                rows = _rows(storage, chunk)
                reasons = ["" if rows.get((each.target, each.partition)) == each.row else _CHANGED for each in chunk]
                found = zip(chunk, reasons, strict=True)
                storage.ledger.put([_drift(each, via) for each, why in found if not why and each.kind != "marked"])
                for lease in leases:
                    storage.leases.fence(connection, lease, ttl)
            yield from zip(chunk, reasons, strict=True)


def _drift(difference: Difference, via: str) -> LedgerRow:
    """The row of a difference: what it says of what was written stays, to judge the next answer by."""
    partition, row = difference.partition, difference.row
    state = move(row.state if row is not None else None, "drift")
    digest: Digest | None = difference.ledger or difference.held
    if row is None:
        row = LedgerRow(difference.target, partition.source, partition.date, via, state)
    return replace(row, via=via, state=state, digest=digest, error=difference.text)


def _rows(storage: Storage, differences: Sequence[Difference]) -> dict[tuple[str, Partition], LedgerRow]:
    """The ledger's rows of these partitions."""
    if not differences:
        return {}
    days = [each.partition.date for each in differences]
    rows = storage.ledger.rows(targets={each.target for each in differences}, start=min(days), end=max(days))
    return {(row.target, row.partition): row for row in rows}


def _in_order(config: Config) -> Iterator[str]:
    """The ids of all phases, those that a run goes through first."""
    yield from dict.fromkeys((*config.sequence, *config.phases))


def _phases(config: Config, source: str, target: str) -> Iterator[PhaseConfig]:
    """The phases that take a source into a target."""
    for name in _in_order(config):
        phase = config.phases[name]
        if source in phase.sources and target in phase.targets:
            yield phase


class _Speakers:
    """Finds the source that speaks for a partition in a target: the one to ask for it again."""

    def __init__(self, config: Config, storage: Storage) -> None:
        self._config = config
        self._storage = storage
        self._known: dict[tuple[str, str], str] = {}
        self._offering: dict[str, bool] = {}

    def of(self, difference: Difference) -> str | None:
        """Who wrote it, else who wrote other days of it, else the source itself, else one that offers partitions."""
        feeders = self._feeders(difference.target)
        source = difference.partition.source
        wrote = difference.row.via if difference.row is not None else self._wrote(difference.target, source)
        for name in (wrote, source):
            if name in feeders:
                return name
        return next((name for name in feeders if self._offers(name)), None)

    def _feeders(self, target: str) -> list[str]:
        phases = (self._config.phases[name] for name in _in_order(self._config))
        return [source for phase in phases if target in phase.targets for source in phase.sources]

    def _wrote(self, target: str, source: str) -> str:
        if (target, source) not in self._known:
            rows = self._storage.ledger.rows(targets=[target], sources=[source])
            self._known[target, source] = rows[-1].via if rows else ""
        return self._known[target, source]

    def _offers(self, name: str) -> bool:
        if name not in self._offering:
            self._offering[name] = self._ask(name)
        return self._offering[name]

    def _ask(self, name: str) -> bool:
        """Whether a source has partitions of its own, as it is configured."""
        config = self._config.sources[name]
        zone = self._config.monolith.timezone
        context = make_context(
            config, zone, self._storage, lambda window: held(self._config, config, self._storage, window)
        )
        with plain_errors(config):
            plugin: Any = config.plugin(config.options, context)
            try:
                window = Window(name, _A_DAY, _A_DAY)
                return isinstance(plugin, OffersPartitions) and plugin.partitions(window) is not None
            finally:
                plugin.close()
