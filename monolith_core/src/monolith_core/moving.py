"""Moving: the archive of another program becomes ours, source by source, by ordinary runs.

What is imported of a source is written in its name: under its lease, with its fingerprint if the configuration has it,
so that no run asks it for those days again, and with its transforms, so that what is to be hashed or left out stands
nowhere as it was. A day that is done, by whichever run, is left alone.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from monolith_core.blame import plain_errors
from monolith_core.config import Config, PhaseConfig, PluginConfig
from monolith_core.config.given import given_source
from monolith_core.days import DayRange
from monolith_core.durations import format_duration
from monolith_core.errors import ConfigurationError, Fault, PermanentError
from monolith_core.partition import MAX_ID, Partition, Window
from monolith_core.plugin import Inventory, Source, Target, TellsDigests, TellsInventory
from monolith_core.runner.opened import make_context
from monolith_core.runner.request import Request
from monolith_core.storage import Storage

PHASE = "import"
"""The phase of sources that the configuration has in none."""

_AT_ONCE = 50_000
"""Records that one window is to have, roughly: what is read again after a kill."""
_LONGEST = 366

Given = Mapping[str, tuple[str, str]]
"""Options of a plugin, each with what the command line calls it."""


@dataclass(frozen=True)
class Original:
    """The other program's archive: the plugin that reads it, and that plugin's options."""

    use: str
    given: Given

    def section(self, config: Config, source: str, span: int = 1) -> PluginConfig:
        """The plugin as a source of that id; raises ConfigurationError for options that are none."""
        shared = config.monolith
        more = {"span": str(span)}
        if shared.retries is not None:
            more["retries"] = str(shared.retries)
        if shared.timeout is not None:
            more["timeout"] = format_duration(shared.timeout)
        given = {**{name: (name, text) for name, text in more.items()}, **self.given}
        return given_source(config, source, self.use, given)


def inventory(config: Config, original: Original) -> Inventory:
    """What the other archive has; raises what its plugin raises."""
    section = original.section(config, PHASE)
    context = make_context(section, config.monolith.timezone, None, lambda window: None)
    with plain_errors(section):
        plugin: Source = section.plugin(section.options, context)
        try:
            if not isinstance(plugin, TellsInventory):
                raise PermanentError(f"the source {original.use} cannot be imported: it does not tell what it has")
            found = plugin.inventory()
        finally:
            plugin.close()
    _check_names({partition.source for partition in found.records})
    return found


def by_source(records: Mapping[Partition, int]) -> dict[str, dict[dt.date, int]]:
    """How many records each source has on each day."""
    found: dict[str, dict[dt.date, int]] = defaultdict(dict)
    for partition, count in sorted(records.items()):
        found[partition.source][partition.date] = count
    return dict(found)


def job(
    config: Config, original: Original, source: str, days: Mapping[dt.date, int], targets: Iterable[str], *, force: bool
) -> tuple[Config, Request]:
    """The configuration and the request of a run that imports the days of one source."""
    names = tuple(targets)
    first, last = min(days), max(days)
    span = max(1, min(_LONGEST, _AT_ONCE * ((last - first).days + 1) // sum(days.values())))
    section = original.section(config, source, span)
    known = config.sources.get(source)
    if known is not None:
        section = replace(section, fingerprint=known.fingerprint, transforms=known.transforms)
    phase = PhaseConfig(_phase(config, source, names), (source,), names)
    alone = replace(
        config,
        sources={source: section},
        targets={name: config.targets[name] for name in names},
        phases={phase.id: phase},
        sequences={},
        sequence=(phase.id,),
    )
    only = frozenset((source, name, Partition(source, day)) for name in names for day in days)
    return alone, Request(days=DayRange(first, last), only=only, sparse=True, force=force, wait=True)


class Unequal(NamedTuple):
    """A partition of which a target has another number of records than the original."""

    target: str
    partition: Partition
    original: int
    held: int


def compare(
    config: Config, storage: Storage, targets: Iterable[str], records: Mapping[Partition, int]
) -> Iterator[Unequal]:
    """Where a target really holds another number of records than the original has, in the original's days.

    Of a source with transforms, which may drop records and add them up, only a day of which nothing is there differs.
    """
    if not records:
        return
    days = [partition.date for partition in records]
    window = Window("", min(days), max(days))
    for name in targets:
        held = _held(config, storage, config.targets[name], window)
        for partition, count in sorted(records.items()):
            there = held.get(partition, 0)
            known = config.sources.get(partition.source)
            if there != count and not (there and known is not None and known.transforms):
                yield Unequal(name, partition, count, there)


def _held(config: Config, storage: Storage, target: PluginConfig, window: Window) -> dict[Partition, int]:
    """How many records a target holds: as it says itself, or else by the ledger."""
    context = make_context(target, config.monolith.timezone, storage, lambda window: None)
    with plain_errors(target):
        plugin: Target = target.plugin(target.options, context)
        try:
            if isinstance(plugin, TellsDigests):
                return {partition: digest.count for partition, digest in plugin.digests(window)}
        finally:
            plugin.close()
    digests = storage.ledger.digests([target.id], window.start, window.end)
    return {partition: digest.count for partition, digest in digests.items()}


def _phase(config: Config, source: str, targets: tuple[str, ...]) -> str:
    """The phase whose lease is taken: the one in which the source's own runs write to the first target, if there is."""
    having = [phase for phase in config.phases.values() if source in phase.sources]
    having.sort(key=lambda phase: targets[0] not in phase.targets)
    return having[0].id if having else PHASE


def _check_names(names: Iterable[str]) -> None:
    long = sorted(name for name in names if len(name) > MAX_ID)
    if long:
        raise ConfigurationError(
            Fault(
                "", 0, f"the source {name} of the original has more than {MAX_ID} characters; give --rename {name}=ID"
            )
            for name in long
        )
