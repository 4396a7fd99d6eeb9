"""Calendar: strips of days as text, a sign a day for some months, a cell a month for years."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

from monolith_core.cli.coverage import GOOD, WORST, Mark, Strip
from monolith_core.cli.paint import can_show, painted
from monolith_core.logs import amount
from monolith_core.partition import ONE_DAY

MOST_DAYS = 93
"""Up to so many days, three months, each has a sign of its own."""

_SIGNS: dict[Mark, tuple[str, str, str, str]] = {
    "final": ("■", "#", "green", "final"),
    "provisional": ("□", "+", "cyan", "provisional"),
    "empty": ("○", "o", "green", "no records"),
    "failed": ("✗", "X", "red", "failed"),
    "held": ("H", "H", "yellow", "held"),
    "deferred": ("D", "D", "blue", "deferred"),
    "drift": ("≠", "~", "magenta", "drift"),
    "missing": ("·", ".", "yellow", "missing"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SCALE = "1   5    10   15   20   25   30"
_INDENT = "  "


def calendar(strips: Iterable[Strip], width: int) -> Iterator[str]:
    """The lines of all strips and of the legend; months for years, in fewer columns where `width` is small."""
    shown = list(strips)
    days = [day for strip in shown for day in strip.marks]
    by_day = (max(days) - min(days)) // ONE_DAY < MOST_DAYS
    sign = _signs()
    for strip in shown:
        yield painted(_title(strip), None, bold=True)
        yield from _by_day(strip, sign) if by_day else _by_month(strip, sign, narrow=width < 80)
        yield ""
    yield _legend({mark for strip in shown for mark in strip.marks.values()}, sign)


def _signs() -> Callable[[Mark], str]:
    """How a mark is drawn where standard output can show it."""
    ascii_only = not can_show("".join(signs[0] for signs in _SIGNS.values()))
    return lambda mark: _SIGNS[mark][1 if ascii_only else 0]


def _title(strip: Strip) -> str:
    final = strip.newest_final
    parts = [f"final up to {final}" if final else "nothing final yet", amount(strip.records, "record")]
    counts = strip.counts
    parts += [
        f"{counts[mark]:,} {_SIGNS[mark][3]}" for mark in WORST if mark not in ("final", "empty") and counts[mark]
    ]
    return f"{strip.source} into {strip.target}: {', '.join(parts)}"


def _by_day(strip: Strip, sign: Callable[[Mark], str]) -> Iterator[str]:
    yield f"{_INDENT}{'':7}  {_SCALE}"
    for (year, month), days in groupby(strip.marks, lambda day: (day.year, day.month)):
        cells = [" "] * 31
        for day in days:
            cells[day.day - 1] = _paint(sign(strip.marks[day]), strip.marks[day])
        yield f"{_INDENT}{year:04}-{month:02}  {''.join(cells)}".rstrip()


def _by_month(strip: Strip, sign: Callable[[Mark], str], *, narrow: bool) -> Iterator[str]:
    size = 2 if narrow else 6
    names = [name[0] if narrow else name for name in _MONTHS]
    yield f"{_INDENT}{'':4}  {''.join(name.ljust(size) for name in names)}".rstrip()
    for year, months in groupby(_months(strip.marks), lambda month: month[0].year):
        cells = [" " * size] * 12
        for first, counts in months:
            cells[first.month - 1] = _cell(counts, sign, size)
        yield f"{_INDENT}{year:04}  {''.join(cells)}".rstrip()


def _months(marks: Mapping[dt.date, Mark]) -> Iterator[tuple[dt.date, Counter[Mark]]]:
    """The first day of each month, and how many of its days have each mark."""
    for first, days in groupby(marks, lambda day: day.replace(day=1)):
        yield first, Counter(marks[day] for day in days)


def _cell(counts: Counter[Mark], sign: Callable[[Mark], str], size: int) -> str:
    """A month: its worst mark, and how much of it is done unless it is all or nothing."""
    worst = next(mark for mark in WORST if counts[mark])
    done = sum(counts[mark] for mark in GOOD)
    total = counts.total()
    percent = "" if size < 6 or done in (0, total) else f"{done * 100 // total}%"
    return _paint(f"{sign(worst)}{percent}", worst) + " " * (size - 1 - len(percent))


def _legend(used: set[Mark], sign: Callable[[Mark], str]) -> str:
    return "   ".join(f"{_paint(sign(mark), mark)} {_SIGNS[mark][3]}" for mark in _SIGNS if mark in used)


def _paint(text: str, mark: Mark) -> str:
    return painted(text, _SIGNS[mark][2])
