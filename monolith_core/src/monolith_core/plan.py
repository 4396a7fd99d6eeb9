"""The plan: what is due is the difference between the days wanted and what the ledger says. Pure.

A partition of a target is due for the first of these reasons that holds:

new             the ledger has no row for it
failed, held, deferred, drift    the ledger says so; due until it is done
config changed  the row was written under other options of its source or its target
changed         the source offers partitions of its own, and this one's digest is not what the target holds; or the
                source tells versions of its days, and this one's is not the one that the target holds
provisional     the source was last asked before the day was over and `settle` had passed, and does not tell that the
                day has the version it had
forced          --force was given
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from monolith_core.days import DayRange
from monolith_core.events import DueDay, Reason, State
from monolith_core.partition import EMPTY, ONE_DAY, Digest, Partition, Window

NO_VERSIONS: Mapping[dt.date, str] = MappingProxyType({})
"""Those of a source that tells none."""


class Row(Protocol):
    """What the plan looks at in a row of the ledger."""

    @property
    def state(self) -> State:
        """What became of it last."""
        ...

    @property
    def digest(self) -> Digest | None:
        """What the target holds, None if nothing was ever written."""
        ...

    @property
    def fingerprint(self) -> str:
        """The options it was written under."""
        ...

    @property
    def age(self) -> int:
        """Seconds from the day's end to the instant at which the source was asked."""
        ...

    @property
    def version(self) -> str:
        """The version that the source said the day had, empty if it did not."""
        ...


def reason(
    row: Row | None,
    fingerprint: str,
    settle: float,
    *,
    offered: Digest | None = None,
    version: str = "",
    force: bool = False,
) -> Reason | None:
    """Why a partition is due, or None if it is not; see the module for the order.

    `row` is its row in the ledger, `fingerprint` that of the present configuration, `settle` seconds; `offered` is the
    digest of the partition at a source that knows its own, `version` that of the day now, empty if none is told.
    """
    if row is None:
        return "new"
    if row.state != "done":
        return row.state
    if row.fingerprint != fingerprint:
        return "config changed"
    if offered is not None:
        if offered != row.digest:
            return "changed"
    elif version:
        if version != row.version:
            return "changed"
    elif row.age < settle:
        return "provisional"
    return "forced" if force else None


@dataclass(frozen=True)
class Wanted:
    """Which days of an ordinary source are wanted.

    `days` is None when there is nothing to want (`since` lies after `until`). `explicit` says that the days were named
    on the command line: then nothing outside of them is due, whatever the ledger says.
    """

    days: DayRange | None
    explicit: bool = False
    force: bool = False


def wanted_days(
    *,
    today: dt.date,
    since: dt.date | None,
    until: dt.date | None,
    first_run: dt.date | None,
    explicit: DayRange | None = None,
    force: bool = False,
) -> Wanted:
    """The days wanted of an ordinary source.

    Without `since` they begin on the day before its first run (`first_run`; None: this is the first). They end with
    `until`, or today. Days named on the command line stand instead of both.
    """
    if explicit is not None:
        return Wanted(explicit, explicit=True, force=force)
    start = since or min(first_run or today, today) - ONE_DAY
    end = min(until or today, today)
    return Wanted(DayRange(start, end) if start <= end else None, force=force)


@dataclass(frozen=True)
class Ledger:
    """The part of the ledger that a plan looks at, for one target.

    `fingerprint` is that of the present configuration of source and target. `settled` are days of which it is known
    that nothing is due, so that `rows` need not have them.
    """

    target: str
    fingerprint: str
    rows: Mapping[Partition, Row] = field(default_factory=dict)
    settled: DayRange | None = None


def due_days(
    source: str,
    wanted: Wanted,
    settle: float,
    ledgers: Iterable[Ledger],
    versions: Mapping[dt.date, str] = NO_VERSIONS,
) -> list[DueDay]:
    """What is due of an ordinary source, newest day first; `versions` are those that it tells of its days now.

    What is unfinished outside of the wanted days is due too, but for what is held: `since` is a way to end that.
    Rows of other partitions (a query on the archive yields records of other sources) count only through their state:
    one that failed makes its day due.
    """
    due: dict[tuple[str, Partition], DueDay] = {}
    for ledger in ledgers:
        for day in _days(wanted, ledger.settled):
            partition = Partition(source, day)
            row, version = ledger.rows.get(partition), versions.get(day, "")
            why = reason(row, ledger.fingerprint, settle, version=version, force=wanted.force)
            if why:
                due[ledger.target, partition] = DueDay(ledger.target, partition, why)
        for partition, row in ledger.rows.items():
            if _asked(wanted, partition.date):
                asked = Partition(source, partition.date)
                may_change = partition.source == source and not versions.get(partition.date)
                why = _open_reason(row, settle, may_change=may_change)
                if why and (why != "held" or _in(wanted, partition.date)):
                    due.setdefault((ledger.target, asked), DueDay(ledger.target, asked, why))
    return newest_first(due.values())


def known_versions(source: str, due: Iterable[DueDay], ledgers: Iterable[Ledger]) -> dict[dt.date, str]:
    """The version of each due day that has one: the same in every target it is due for, and done as configured now.

    A day is done when all that the source yielded of it is, also what was of other sources.
    """
    by_target = {ledger.target: ledger for ledger in ledgers}
    unfinished = {
        (ledger.target, partition.date)
        for ledger in by_target.values()
        for partition, row in ledger.rows.items()
        if row.state != "done"
    }
    found: dict[dt.date, set[str]] = {}
    for each in due:
        day, ledger = each.partition.date, by_target[each.target]
        row = ledger.rows.get(Partition(source, day))
        done = row is not None and row.fingerprint == ledger.fingerprint and (each.target, day) not in unfinished
        found.setdefault(day, set()).add(row.version if row is not None and done else "")
    return {day: version for day, said in found.items() if len(said) == 1 and (version := next(iter(said)))}


def settled_days(
    source: str, settle: float, ledger: Ledger, versions: Mapping[dt.date, str], age: Callable[[dt.date], int]
) -> list[dt.date]:
    """The days of a target that are final now because the source tells that they have the version they had.

    They were last asked before they had settled, and are not asked again; `age` is how long a day is over now.
    """
    return [
        day
        for day, version in versions.items()
        if (row := ledger.rows.get(Partition(source, day))) is not None
        and reason(row, ledger.fingerprint, settle, version=version) is None
        and row.age < settle <= age(day)
    ]


def due_partitions(
    offered: Mapping[Partition, Digest],
    ledgers: Iterable[Ledger],
    *,
    days: DayRange | None,
    sources: frozenset[str] | None = None,
    force: bool = False,
) -> list[DueDay]:
    """What is due of a source that offers partitions of its own, newest day first.

    A partition that a target holds and that is offered no more counts as offered empty. `days` and `sources` limit
    what is looked at (None: everything).
    """
    due = []
    for ledger in ledgers:
        for partition in offered.keys() | ledger.rows.keys():
            if (days is None or partition.date in days) and (sources is None or partition.source in sources):
                digest = offered.get(partition, EMPTY)
                why = reason(ledger.rows.get(partition), ledger.fingerprint, 0, offered=digest, force=force)
                if why:
                    due.append(DueDay(ledger.target, partition, why))
    return newest_first(due)


def windows(due: Iterable[DueDay], span: int, hollow: Callable[[dt.date], bool] = lambda day: False) -> list[Window]:
    """The windows that ask for what is due: consecutive days of one source, at most `span` in each, newest first.

    Days that are `hollow`, of which it is known that there is nothing, may stand between two due ones.
    """
    days: dict[str, set[dt.date]] = {}
    for each in due:
        days.setdefault(each.partition.source, set()).add(each.partition.date)
    found = [window for source, wanted in days.items() for window in _runs(source, wanted, span, hollow)]
    return sorted(found, key=lambda window: (window.end, window.source), reverse=True)


def newest_first(due: Iterable[DueDay]) -> list[DueDay]:
    """In the order in which they are worked on: newest day first, then by source and target."""
    return sorted(due, key=lambda each: (-each.partition.date.toordinal(), each.partition.source, each.target))


def _runs(source: str, days: set[dt.date], span: int, hollow: Callable[[dt.date], bool]) -> Iterator[Window]:
    end: dt.date | None = None
    start: dt.date | None = None
    for day in sorted(days, reverse=True):
        if start is not None and end is not None and ((end - day).days >= span or not _join(day, start, hollow)):
            yield Window(source, start, end)
            end = day
        end = end or day
        start = day
    if start is not None and end is not None:
        yield Window(source, start, end)


def _join(day: dt.date, later: dt.date, hollow: Callable[[dt.date], bool]) -> bool:
    """Whether there is nothing between two days."""
    return all(hollow(day + number * ONE_DAY) for number in range(1, (later - day).days))


def _days(wanted: Wanted, settled: DayRange | None) -> Iterator[dt.date]:
    """The wanted days that are not known to be settled."""
    if wanted.days is None:
        return
    day = wanted.days.start
    while day <= wanted.days.end:
        if settled is not None and settled.start <= day <= settled.end:
            day = settled.end
        else:
            yield day
        day += ONE_DAY


def _asked(wanted: Wanted, day: dt.date) -> bool:
    """Whether a day with an open row is looked at: all, unless days were named."""
    return not wanted.explicit or _in(wanted, day)


def _in(wanted: Wanted, day: dt.date) -> bool:
    return wanted.days is not None and day in wanted.days


def _open_reason(row: Row, settle: float, *, may_change: bool) -> Reason | None:
    """Why a row of a day that is not wanted, or of another source, is due: only if something about it is unfinished."""
    if row.state != "done":
        return row.state
    return "provisional" if may_change and row.age < settle else None
