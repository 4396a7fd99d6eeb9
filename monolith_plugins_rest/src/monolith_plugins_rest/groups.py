"""Groups: single events are counted and added up, one record for each day, category and combination of fields."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from typing import Any

from monolith_core import Note, PermanentError, Record, RecordError, canonical
from monolith_plugins_rest.options import RestOptions

MOST = 1_000_000
"""Most groups of one question: they are kept in memory."""

_EXACT = Context(prec=2000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation])
"""Sums are exact, so that they do not depend on the order of the events."""

_Key = tuple[dt.date, str, bytes]


class _Group:
    __slots__ = ("count", "fields", "sums")

    def __init__(self, fields: dict[str, Any], sums: int) -> None:
        self.fields = fields
        self.count = 0
        self.sums = [Decimal()] * sums


class Groups:
    """Collects events by `by`, adds up the fields `sums`, and calls their number `count_as`."""

    def __init__(self, by: Iterable[str], sums: Iterable[str], count_as: str) -> None:
        self._by = tuple(by)
        self._sums = tuple(sums)
        self._count_as = count_as
        self._groups: dict[_Key, _Group] = {}

    @classmethod
    def of(cls, options: RestOptions) -> Groups | None:
        """Groups as the options say; None if events are not grouped."""
        if not options.group_by and not options.sums:
            return None
        return cls(options.group_by, options.sums, options.count_as)

    def extend(self, events: Iterable[Record | Note]) -> None:
        """Count each event; raises RecordError for a value that cannot be added."""
        for event in events:
            if isinstance(event, Record):
                self.add(event)

    def add(self, record: Record) -> None:
        """Count one event; raises RecordError for a value that cannot be added."""
        fields = {name: record.data.get(name) for name in self._by}
        key = (record.date, record.category, canonical(fields))
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MOST:
                raise PermanentError(f"there are more than {MOST} groups; group by fewer fields, or set span lower")
            group = self._groups[key] = _Group(fields, len(self._sums))
        group.count += 1
        for place, name in enumerate(self._sums):
            value = record.data.get(name)
            if value is not None:
                group.sums[place] = _add(group.sums[place], value, name)

    def records(self) -> Iterator[Record]:
        """A record for each group."""
        for (day, category, _), group in self._groups.items():
            sums = dict(zip(self._sums, map(_plain, group.sums), strict=True))
            yield Record(day, category, {**group.fields, **sums, self._count_as: group.count})


def _add(total: Decimal, value: Any, name: str) -> Decimal:
    try:
        return _EXACT.add(total, _decimal(value))
    except (TypeError, InvalidOperation, Inexact):
        raise RecordError(f"is {repr(value)[:60]}, which cannot be added up", field=name) from None


def _decimal(value: Any) -> Decimal:
    """The number as it was written; services write money as texts, such as "12.50"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError
    found = Decimal(repr(value) if isinstance(value, float) else value)
    if not found.is_finite():
        raise TypeError
    return found


def _plain(total: Decimal) -> int | float | Decimal:
    """A whole number, or a float if it is exactly that, or the decimal."""
    if total == total.to_integral_value() and abs(total.adjusted()) < 300:
        return int(total)
    number = float(total)
    return number if Decimal(repr(number)) == total else total
