"""Words: how text, days and amounts are written for people."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator

from monolith_core.partition import ONE_DAY
from monolith_core.secrets import hide

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """`text` in one line, without secrets and without anything that a terminal would obey."""
    return _CONTROL.sub(lambda match: " " if match[0] in "\n\r\t" else f"\\x{ord(match[0]):02x}", hide(text))


def ranges(days: Iterable[dt.date]) -> Iterator[tuple[dt.date, dt.date]]:
    """The first and the last day of each run of consecutive days, oldest first."""
    start: dt.date | None = None
    end: dt.date | None = None
    for day in sorted(set(days)):
        if start is not None and end is not None and day - end != ONE_DAY:
            yield start, end
            start = None
        start, end = start or day, day
    if start is not None and end is not None:
        yield start, end


def days_text(days: Iterable[dt.date]) -> str:
    """Days as people write them: `2024-01-01..2024-01-31, 2024-03-01`."""
    return ", ".join(f"{start}" if start == end else f"{start}..{end}" for start, end in ranges(days))


def roughly(days: Iterable[dt.date], most: int = 3) -> str:
    """Days as people write them; if those are more than `most` ranges, from where to where, and how many."""
    found = set(days)
    if len(list(ranges(found))) <= most:
        return days_text(found)
    return f"{min(found)}..{max(found)} ({amount(len(found), 'day')} of these)"


def amount(number: int, noun: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def took(seconds: float) -> str:
    """A stretch of time: `0.04 s`, `4.2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
