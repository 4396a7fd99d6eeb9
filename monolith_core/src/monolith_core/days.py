"""Days in a time zone: the words of `--date`, ranges of days, and the instants at which days begin and end."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from monolith_core.partition import ONE_DAY

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")  # fromisoformat also takes weeks, such as 2024-W09-4


@dataclass(frozen=True, slots=True)
class DayRange:
    """Consecutive days, both ends included."""

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"the range ends ({self.end}) before it starts ({self.start})")

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.start <= day <= self.end

    def __len__(self) -> int:
        return (self.end - self.start).days + 1


def today(zone: ZoneInfo, now: dt.datetime) -> dt.date:
    """The day that `now` (with a zone) is in."""
    return now.astimezone(zone).date()


def day_end(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, at which the day is over: for good, where clocks are set back over its midnight.

    The last day there is ends with the last instant there is.
    """
    if day == dt.date.max:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    midnight = dt.datetime.combine(day + ONE_DAY, dt.time(), zone)
    end, again = (midnight.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    # Midnight comes twice after clocks are set back: from 1:00 to 0:00 the day is over already, from 0:01 to 23:01 not.
    return again if again > end and today(zone, again - dt.datetime.resolution) == day else end


def age(day: dt.date, zone: ZoneInfo, now: dt.datetime) -> int:
    """Whole seconds from the end of the day to `now`, negative before."""
    return int((now - day_end(day, zone)).total_seconds() // 1)


def parse_day(text: str) -> dt.date:
    """The day written as YYYY-MM-DD; raises ValueError saying what was got and what is expected."""
    if _DAY.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no day; write YYYY-MM-DD, such as 2024-01-31")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not in the calendar; write YYYY-MM-DD, such as 2024-01-31") from None


def parse_days(text: str, today: dt.date) -> DayRange:
    """The days that a word, or a day as YYYY-MM-DD, means on the day `today`.

    `last-week` is the last whole week from Monday to Sunday, `last-month` and `last-year` are the last whole ones of
    the calendar. Raises ValueError for anything else, and for a day that is yet to come.
    """
    if text in _WORDS:
        return _WORDS[text](today)
    if _DAY.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no day; write {', '.join(_WORDS)}, or YYYY-MM-DD, such as 2024-01-31")
    day = parse_day(text)
    return DayRange(day, not_future(day, today))


def parse_range(start: str, end: str | None, today: dt.date) -> DayRange:
    """The days from `start` to `end`, both included; without `end`, to `today`.

    Raises ValueError for what is no day, for days to come, and for an end before the start.
    """
    first = not_future(parse_day(start), today)
    last = not_future(parse_day(end), today) if end is not None else today
    if last < first:
        raise ValueError(f"the last day, {last}, is before the first, {first}; swap them")
    return DayRange(first, last)


def not_future(day: dt.date, today: dt.date) -> dt.date:
    """`day`, unless it is yet to come: then a ValueError says so."""
    if day > today:
        raise ValueError(f"{day} is in the future, today is {today}; name a day that has begun")
    return day


def _last_week(today: dt.date) -> DayRange:
    monday = today - dt.timedelta(days=today.weekday() + 7)
    return DayRange(monday, monday + dt.timedelta(days=6))


def _last_month(today: dt.date) -> DayRange:
    end = today.replace(day=1) - ONE_DAY
    return DayRange(end.replace(day=1), end)


def _last_year(today: dt.date) -> DayRange:
    return DayRange(dt.date(today.year - 1, 1, 1), dt.date(today.year - 1, 12, 31))


_WORDS: dict[str, Callable[[dt.date], DayRange]] = {
    "today": lambda today: DayRange(today, today),
    "yesterday": lambda today: DayRange(today - ONE_DAY, today - ONE_DAY),
    "last-week": _last_week,
    "last-month": _last_month,
    "last-year": _last_year,
}

WORDS = tuple(_WORDS)
"""The words that `parse_days` knows."""
