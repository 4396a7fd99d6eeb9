"""The ledger: what every target holds of every partition, and how it came to that."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from monolith_core.days import DayRange
from monolith_core.events import State
from monolith_core.partition import Digest, Partition, Window
from monolith_core.storage.rows import Covered, Glance, LedgerRow
from monolith_core.storage.values import day_in, instant_in, instant_out, text_out
from monolith_core.storage.where import Where

if TYPE_CHECKING:
    from monolith_core.storage.storage import Storage

_KEY = ("target", "source", "date")
_COLUMNS = (
    *_KEY,
    "via",
    "state",
    "count",
    "a",
    "b",
    "fingerprint",
    "age",
    "asked",
    "written",
    "run",
    "error",
    "remark",
    "version",
    "purged",
    "imprint",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)}"
_GLANCED = "t.state, t.count, t.a, t.b, t.fingerprint, t.age, t.version"
_UNDONE = "t.state <> 'done' OR t.fingerprint <> ? OR t.count IS NULL"
# Named one by one: each is a range of the index `ledger_due`, which a `<>` is not, nor are all of them.
_STATES: list[State] = list(get_args(State))
_NOT_DONE = [state for state in _STATES if state != "done"]


_ANY_AGE = 2**62
"""Asked for so that SQLite, which has no statistics, sees that the index `ledger_due` beats the primary key."""


class Ledger:
    """The table `ledger`. Reading one that does not exist finds nothing."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._put = storage.dialect.upsert("ledger", _COLUMNS, _KEY)

    def put(self, rows: Sequence[LedgerRow]) -> None:
        """Write rows over those with the same key, in the thread's transaction or in one of its own."""
        if not rows:
            return
        values = [_values(row) for row in rows]
        with self._storage.transaction() as connection:
            connection.exec_driver_sql(self._put, values if len(values) > 1 else values[0])

    def rows(
        self,
        *,
        targets: Iterable[str] | None = None,
        via: str | None = None,
        sources: Iterable[str] | None = None,
        states: Iterable[State] | None = None,
        start: dt.date | None = None,
        end: dt.date | None = None,
    ) -> list[LedgerRow]:
        """The rows that meet every condition given, by target, source and day; `end` is the last day."""
        where = Where(start, end)
        where.one_of("target", targets)
        where.one_of("source", sources)
        where.one_of("via", None if via is None else [via])
        where.one_of("state", states)
        found = self._query(_SELECT, "FROM ledger", where.text, "ORDER BY target, source, date", values=where.values)
        return [_row(row) for row in found]

    def glance(
        self, target: str, via: str, start: dt.date | None = None, end: dt.date | None = None
    ) -> dict[Partition, Glance]:
        """What a plan looks at of each row: of a copied archive there are tens of thousands."""
        where = Where(start, end, "t.")
        where.add("t.target = ?", target)
        where.add("t.via = ?", via)
        select = ["SELECT t.source, t.date,", _GLANCED, "FROM ledger t"]
        found = self._query(*select, where.text, values=where.values)
        days = _Days()
        return {Partition(source, days[day]): _glance(*glanced) for source, day, *glanced in found}

    def glance_days(self, target: str, via: str, start: dt.date, end: dt.date) -> dict[Partition, Glance]:
        """The same of some days; of all sources of a target the one that is meant is found by an index."""
        statement, values = _by_way(f"SELECT t.source, t.date, {_GLANCED}", target, via, start, end)
        return {
            Partition(source, day_in(day)): _glance(*glanced)
            for source, day, *glanced in self._query(statement, values=values)
        }

    def of_window(self, target: str, window: Window, via: str | None) -> dict[Partition, LedgerRow]:
        """The rows of a window's source in its days, and those of other sources that came by way of `via`."""
        values: list[Any] = [target, window.source, window.start.isoformat(), window.end.isoformat()]
        where = "FROM ledger WHERE target = ? AND source = ? AND date BETWEEN ? AND ?"
        found = self._query(_SELECT, where, values=values)
        if via is not None:
            statement, values = _by_way(_SELECT, target, via, window.start, window.end)
            found += self._query(statement, values=values)
        rows = map(_row, found)
        return {row.partition: row for row in rows}

    def unlike(
        self, target: str, via: str, fingerprint: str, holder: str, start: dt.date | None, end: dt.date | None
    ) -> tuple[dict[Partition, Digest], dict[Partition, Glance]]:
        """What may be due of the partitions that `holder` holds and `target` is given by way of `via`.

        All but those that the target's row says are done, under `fingerprint`, and equal: what the holder has of them,
        without empty ones, and the target's rows. The database compares, so that only these are read.
        """
        held, given = Where(start, end, "h."), Where(start, end, "t.")
        held.add("h.target = ?", holder)
        held.add("h.count > 0")
        held.add(f"(t.target IS NULL OR {_UNDONE} OR t.count <> h.count OR t.a <> h.a OR t.b <> h.b)", fingerprint)
        given.add("t.target = ?", target)
        given.add("t.via = ?", via)
        given.add("h.target IS NULL")
        given.add(f"({_UNDONE} OR t.count <> 0)", fingerprint)
        found = self._query(
            *("SELECT h.source, h.date, h.count, h.a, h.b,", _GLANCED, "FROM ledger h"),
            "LEFT JOIN ledger t ON t.target = ? AND t.source = h.source AND t.date = h.date AND t.via = ?",
            held.text,
            *("UNION ALL SELECT t.source, t.date, 0, 0, 0,", _GLANCED, "FROM ledger t"),
            "LEFT JOIN ledger h ON h.target = ? AND h.source = t.source AND h.date = t.date AND h.count > 0",
            given.text,
            values=[target, via, *held.values, holder, *given.values],
        )
        digests, rows = {}, {}
        for source, day, count, a, b, *glanced in found:
            partition = Partition(source, day_in(day))
            if count:
                digests[partition] = Digest(count, a, b)
            if glanced[0] is not None:
                rows[partition] = _glance(*glanced)
        return digests, rows

    def came(
        self, targets: Iterable[str], source: str, start: dt.date, end: dt.date
    ) -> dict[Partition, list[tuple[str, Digest]]]:
        """The imprint and the digest of what the targets hold of a source's days, where there is an imprint."""
        where = Where(start, end)
        where.one_of("target", targets)
        where.add("source = ?", source)
        where.add("imprint <> ''")
        found: dict[Partition, list[tuple[str, Digest]]] = {}
        for day, imprint, *sums in self._query(
            "SELECT date, imprint, count, a, b FROM ledger", where.text, values=where.values
        ):
            found.setdefault(Partition(source, day_in(day)), []).append((imprint, Digest(*sums)))
        return found

    def stretch(
        self, target: str, via: str, start: dt.date, end: dt.date, fingerprint: str, settle: float
    ) -> DayRange | None:
        """The days from `start` on, without a gap, of which the source's own partitions are final; None: not even one.

        Final is one that is done, as configured now, and was asked after it had settled. None also if there is a gap
        and final days after it: then every row has to be looked at.
        """
        found = self._query(
            "SELECT COUNT(*), MAX(date) FROM ledger WHERE target = ? AND via = ? AND state = 'done' AND age >= ?",
            "AND fingerprint = ? AND date BETWEEN ? AND ? AND source = via",
            values=[target, via, math.ceil(settle), fingerprint, start.isoformat(), end.isoformat()],
        )
        count, last = found[0] if found else (0, None)
        if not count:
            return None
        days = DayRange(start, day_in(last))
        return days if len(days) == count else None

    def newest_final(self, targets: Iterable[str], source: str, settle: float) -> dt.date | None:
        """The newest day of an ordinary source that is done and was asked after it had settled.

        Of several targets the one that is furthest behind counts; None if one of them has no such day.
        """
        newest = []
        for target in targets:
            found = self._query(
                "SELECT date FROM ledger WHERE target = ? AND source = ? AND via = source",
                "AND state = 'done' AND age >= ? ORDER BY date DESC LIMIT 1",
                values=[target, source, math.ceil(settle)],
            )
            if not found:
                return None
            newest.append(day_in(found[0][0]))
        return min(newest, default=None)

    def carries(self, targets: Iterable[str], via: str, sources: Iterable[str]) -> bool:
        """Whether a source has yielded records of one of `sources` into one of the targets."""
        where = Where(None, None)
        where.one_of("target", targets)
        where.one_of("via", [via])
        where.one_of("source", sources)
        return bool(self._query("SELECT 1 FROM ledger", where.text, "LIMIT 1", values=where.values))

    def purged(self, via: str) -> set[dt.date]:
        """The days that were purged at a source, or may have been."""
        found = self._query("SELECT DISTINCT date FROM ledger WHERE via = ? AND purged = 1", values=[via])
        return {day_in(day) for (day,) in found}

    def mark_purged(self, via: str, days: Iterable[dt.date]) -> None:
        """Note, before it is done, that a source is purged of days: it must never be asked for them again."""
        values = [(via, day.isoformat()) for day in days]
        self._update("UPDATE ledger SET purged = 1 WHERE via = ? AND date = ?", values)

    def confirm(self, target: str, source: str, ages: Mapping[dt.date, int], asked: dt.datetime) -> None:
        """Note of days that are done that the source told at `asked`, when they were so old, that they are the same."""
        moment = instant_out(asked)
        values = [(moment, age, target, source, day.isoformat()) for day, age in ages.items()]
        self._update(
            "UPDATE ledger SET asked = ?, age = ? WHERE target = ? AND source = ? AND date = ? AND state = 'done'",
            values,
        )

    def remarked(self, start: dt.date | None = None, end: dt.date | None = None) -> list[LedgerRow]:
        """The rows that have a remark, by target, source and day."""
        where = Where(start, end)
        where.add("remark <> ''")
        found = self._query(_SELECT, "FROM ledger", where.text, "ORDER BY target, source, date", values=where.values)
        return [_row(row) for row in found]

    def unsettled(self, target: str, via: str, settle: float) -> list[LedgerRow]:
        """The rows, of any day, that are not done or were asked before they settled."""
        found = self._query(
            " UNION ALL ".join(
                [f"{_SELECT} FROM ledger WHERE target = ? AND via = ? AND state = ? AND age < ?"] * (len(_NOT_DONE) + 1)
            ),
            values=[
                *(value for state in _NOT_DONE for value in (target, via, state, _ANY_AGE)),
                *(target, via, "done", math.ceil(settle)),
            ],
        )
        return [_row(row) for row in found]

    def digests(
        self,
        targets: Iterable[str],
        start: dt.date | None = None,
        end: dt.date | None = None,
        sources: Iterable[str] | None = None,
    ) -> dict[Partition, Digest]:
        """What the targets hold, without empty partitions; where they differ, what was written last."""
        names = list(targets)
        where = Where(start, end)
        where.one_of("target", names)
        where.one_of("source", sources)
        where.add("count > 0" if len(names) == 1 else "count IS NOT NULL")
        # A later row replaces an earlier one in the dictionary; of one target there is one row each.
        order = "" if len(names) == 1 else "ORDER BY written"
        select = "SELECT source, date, count, a, b FROM ledger"
        found = self._query(select, where.text, order, values=where.values)
        days = _Days()
        held = {Partition(source, days[day]): Digest(count, a, b) for source, day, count, a, b in found}
        return held if len(names) == 1 else {partition: digest for partition, digest in held.items() if digest}

    def coverage(self, start: dt.date | None = None, end: dt.date | None = None) -> list[Covered]:
        """Every row in the days, by target, via, source and day."""
        where = Where(start, end)
        found = self._query(
            "SELECT target, via, source, date, state, age, COALESCE(count, 0) FROM ledger",
            where.text,
            "ORDER BY target, via, source, date",
            values=where.values,
        )
        days = _Days()
        return [Covered(target, via, source, days[day], *rest) for target, via, source, day, *rest in found]

    def _update(self, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement for each of `values`, in the thread's transaction or in one of its own."""
        if values:
            with self._storage.transaction() as connection:
                connection.exec_driver_sql(self._storage.dialect.sql(statement), list(values))

    def _query(self, *parts: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._storage.query(" ".join(parts), values)


class _Days(dict[Any, dt.date]):
    """The day of each value a driver gives: a ledger names the same days many times."""

    def __missing__(self, value: Any) -> dt.date:
        day = self[value] = day_in(value)
        return day


def _by_way(select: str, target: str, via: str, start: dt.date, end: dt.date) -> tuple[str, list[Any]]:
    """The SELECT, and its values, of the rows of days that came by way of a source, by the index `ledger_due`."""
    one = " ".join(
        [
            select,
            "FROM ledger t WHERE t.target = ? AND t.via = ? AND t.state = ? AND t.age < ? AND t.date BETWEEN ? AND ?",
        ]
    )
    days = (start.isoformat(), end.isoformat())
    values = [value for state in _STATES for value in (target, via, state, _ANY_AGE, *days)]
    return " UNION ALL ".join([one] * len(_STATES)), values


def _glance(state: State, count: int | None, a: int, b: int, fingerprint: str, age: int, version: str) -> Glance:
    return Glance(state, None if count is None else Digest(count, a, b), fingerprint, age, version)


def _values(row: LedgerRow) -> tuple[Any, ...]:
    digest = row.digest
    sums = (None, None, None) if digest is None else (digest.count, digest.a, digest.b)
    return (
        row.target,
        row.source,
        row.date.isoformat(),
        row.via,
        row.state,
        *sums,
        row.fingerprint,
        row.age,
        instant_out(row.asked),
        instant_out(row.written),
        row.run,
        text_out(row.error),
        text_out(row.remark),
        row.version,
        int(row.purged),
        row.imprint,
    )


def _row(values: tuple[Any, ...]) -> LedgerRow:
    (
        target,
        source,
        date,
        via,
        state,
        count,
        a,
        b,
        fingerprint,
        age,
        asked,
        written,
        run,
        error,
        remark,
        version,
        purged,
        imprint,
    ) = values
    digest = None if count is None else Digest(count, a, b)
    return LedgerRow(
        target,
        source,
        day_in(date),
        via,
        state,
        digest,
        fingerprint,
        age,
        instant_in(asked),
        instant_in(written),
        run,
        error,
        remark,
        version,
        bool(purged),
        imprint,
    )
