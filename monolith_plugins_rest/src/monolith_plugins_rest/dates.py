"""Dates: the day that a value of a record means."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

_EPOCH = {"epoch": 1, "epoch-ms": 1000}
_BEGINNING = re.compile(r"\d{4}-\d\d-\d\d")


def check_date_format(text: str) -> str:
    """`text`; raises ValueError if it is no format of dates."""
    if text == "iso" or text in _EPOCH:
        return text
    try:
        known = "%" in text and dt.datetime.strptime(dt.datetime(2024, 1, 31).strftime(text), text)
    except (ValueError, re.error):
        known = False
    if not known:
        raise ValueError(f"{text!r} is no format of dates; expected iso, epoch, epoch-ms, or such as %d.%m.%Y")
    return text


def day_reader(form: str, zone: ZoneInfo) -> Callable[[Any], dt.date]:
    """A function that makes a day of a value; an instant counts for its day in `zone`.

    It raises ValueError with a text that goes on a sentence: `is 5, expected ...`.
    """
    if form in _EPOCH:
        return lambda value: _of_epoch(value, _EPOCH[form], form, zone)
    parse = dt.datetime.fromisoformat if form == "iso" else lambda text: dt.datetime.strptime(text, form)
    wanted = "a day or an instant such as 2024-01-31 or 2024-01-31T12:00:00Z" if form == "iso" else f"one like {form}"

    def read(value: Any) -> dt.date:
        if type(value) is str:
            with suppress(ValueError, OverflowError):
                # Python also takes weeks, such as 2024-W09-4.
                if form != "iso" or _BEGINNING.match(value):
                    return _day(parse(value), zone)
        hint = "; date-format = epoch takes numbers" if isinstance(value, int | float) and form == "iso" else ""
        raise ValueError(f"is {_shown(value)}, expected {wanted}{hint}")

    return read


def _of_epoch(value: Any, unit: int, form: str, zone: ZoneInfo) -> dt.date:
    try:
        if isinstance(value, bool):
            raise TypeError
        return dt.datetime.fromtimestamp(float(value) / unit, zone).date()
    except (TypeError, ValueError, OverflowError, OSError):
        what = "seconds" if form == "epoch" else "milliseconds"
        raise ValueError(f"is {_shown(value)}, expected {what} since 1970") from None


def _day(value: dt.datetime, zone: ZoneInfo) -> dt.date:
    return (value.astimezone(zone) if value.tzinfo is not None else value).date()


def _shown(value: Any) -> str:
    if value is None:
        return "not there"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
