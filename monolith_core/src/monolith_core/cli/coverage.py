"""Coverage: what each target has of each source, day by day. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from monolith_core.config import Config
from monolith_core.days import DayRange
from monolith_core.partition import ONE_DAY
from monolith_core.plan import wanted_days
from monolith_core.storage import Covered

Mark = Literal["failed", "held", "drift", "deferred", "missing", "provisional", "final", "empty"]
"""What a day is, the worst first. `empty` is final and without records; `missing` is wanted and unknown."""

WORST: tuple[Mark, ...] = ("failed", "held", "drift", "deferred", "missing", "provisional", "final", "empty")
GOOD: frozenset[Mark] = frozenset({"provisional", "final", "empty"})
_SETTLE = 86400.0

Key = tuple[str, str, str]
"""Target, via, source."""

FirstRuns = Mapping[tuple[str, str], dt.date]
"""The day of the first run of a phase and a source."""


@dataclass
class Strip:
    """One source in one target: the mark of each wanted day, oldest first."""

    target: str
    via: str
    source: str
    marks: dict[dt.date, Mark] = field(default_factory=dict)
    records: int = 0

    @property
    def newest_final(self) -> dt.date | None:
        """The newest day that will not be asked again."""
        return max((day for day, mark in self.marks.items() if mark in ("final", "empty")), default=None)

    @property
    def counts(self) -> Counter[Mark]:
        """How many days have each mark."""
        return Counter(self.marks.values())


def strips(
    config: Config,
    rows: Iterable[Covered],
    today: dt.date,
    first_runs: FirstRuns,
    *,
    days: DayRange | None = None,
    sources: frozenset[str] = frozenset(),
    targets: frozenset[str] = frozenset(),
) -> list[Strip]:
    """The strips of everything the ledger knows, limited to `days` and to some sources and targets (none: all)."""
    grouped: dict[Key, dict[dt.date, Covered]] = {}
    for row in rows:
        grouped.setdefault((row.target, row.via, row.source), {})[row.date] = row
    own = _own(config, grouped)
    found = []
    for key, known in grouped.items():
        target, via, source = key
        if (not targets or target in targets) and (not sources or source in sources):
            expected = _wanted(config, target, via, today, first_runs) if via == source else own.get(source, {}).keys()
            wanted = [day for day in sorted({*expected, *known}) if days is None or day in days]
            found.append(_strip(config, key, wanted, known, own.get(source, {})))
    return [strip for strip in found if strip.marks]


def unknown(config: Config, rows: Iterable[Covered]) -> list[tuple[str, str, str]]:
    """Phase, source and target of what is configured and of which the ledger knows nothing yet."""
    known = {(row.target, row.via) for row in rows}
    return [
        (phase.id, source, target)
        for phase in config.phases.values()
        for source in phase.sources
        for target in phase.targets
        if (target, source) not in known
    ]


def _own(config: Config, grouped: Mapping[Key, Mapping[dt.date, Covered]]) -> dict[str, dict[dt.date, Mark]]:
    """For each source the days on which it was asked itself and gave records, which a copy may be expected to have."""
    own: dict[str, dict[dt.date, Mark]] = {}
    for (_, via, source), known in grouped.items():
        if via == source:
            settle = _settle(config, via)
            own.setdefault(source, {}).update({day: _mark(row, settle) for day, row in known.items() if row.records})
    return own


def _strip(
    config: Config, key: Key, wanted: Iterable[dt.date], known: Mapping[dt.date, Covered], own: Mapping[dt.date, Mark]
) -> Strip:
    target, via, source = key
    strip = Strip(target, via, source)
    settle = _settle(config, via) if via == source else None
    for day in wanted:
        row = known.get(day)
        strip.marks[day] = _mark(row, settle, own.get(day)) if row else "missing"
        strip.records += row.records if row else 0
    return strip


def _mark(row: Covered, settle: float | None, original: Mark | None = None) -> Mark:
    """A row's mark; what was copied from an archive (`settle` is None) is as final as the original is."""
    if row.state != "done":
        return row.state
    if row.age < settle if settle is not None else original == "provisional":
        return "provisional"
    return "final" if row.records else "empty"


def _wanted(config: Config, target: str, via: str, today: dt.date, first_runs: FirstRuns) -> list[dt.date]:
    """The days that a run without dates wants of a source in a target: what the plan wants."""
    phases = [phase.id for phase in config.phases.values() if via in phase.sources and target in phase.targets]
    if not phases:
        return []
    options = config.sources[via].options
    begun = [first_runs[phase, via] for phase in phases if (phase, via) in first_runs]
    wanted = wanted_days(today=today, since=options.since, until=options.until, first_run=min(begun, default=None)).days
    return [wanted.start + number * ONE_DAY for number in range(len(wanted))] if wanted else []


def _settle(config: Config, via: str) -> float:
    plugin = config.sources.get(via)
    return plugin.options.settle if plugin is not None else _SETTLE
