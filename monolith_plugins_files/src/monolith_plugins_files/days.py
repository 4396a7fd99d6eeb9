"""Days: which day a value of the date column says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from monolith_plugins_files.values import ValueFault

_TIME = re.compile(r"%-?[HIMSfzZpcXs]")
_YEAR = re.compile(r"%[YyGcx]")
_SAMPLES = (dt.datetime(2024, 2, 29, 13, 4, 5), dt.datetime(1999, 12, 31, 1, 2, 3))
_EPOCHS = {"epoch": 1, "epoch-ms": 1000}
_BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

ISO = "iso"


def check_format(text: str) -> None:
    """Raise ValueError for a format that tells no day."""
    if text == ISO or text in _EPOCHS:
        return
    try:
        # Python warns of a day that is read without a year.
        good = _YEAR.search(text.replace("%%", "")) is not None and all(
            dt.datetime.strptime(day.strftime(text), text).date() == day.date() for day in _SAMPLES
        )
    except (ValueError, re.error):
        good = False
    if not good:
        raise ValueError(
            f"{text!r} does not tell a day; expected iso, epoch, epoch-ms, or a format such as %d/%m/%Y %H:%M:%S"
        )


def has_time(text: str | None) -> bool:
    """Whether values of this format say more than the day."""
    return text is not None and (text == ISO or text in _EPOCHS or _TIME.search(text) is not None)


def day_reader(text: str | None, timezone: ZoneInfo) -> Callable[[Any], dt.date]:
    """A function that says which day a value means; it raises ValueFault. None is the format of a plain day.

    An instant with a time zone counts for its day in `timezone`, one without for the day it names.
    """

    def local(instant: dt.datetime) -> dt.date:
        return (instant.astimezone(timezone) if instant.tzinfo else instant).date()

    if text is None:
        return _plain_day
    if text == ISO:
        return lambda value: local(_instant(value))
    if text in _EPOCHS:
        return lambda value: local(_epoch(value, _EPOCHS[text], text))
    return lambda value: local(_parsed(value, text))


def _plain_day(value: Any) -> dt.date:
    if type(value) is dt.date:
        return value
    if isinstance(value, str) and len(value) == 10:
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    more = isinstance(value, dt.datetime) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]", value))
    raise ValueFault(
        "expected a day such as 2024-02-29; " + ("set date-format = iso" if more else "set date-format to what it is")
    )


def _instant(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    try:
        return dt.datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise ValueFault("expected a day or an instant of ISO 8601, such as 2024-02-29T13:00:00+01:00") from None


def _epoch(value: Any, divisor: int, name: str) -> dt.datetime:
    try:
        if isinstance(value, bool) or value is None:
            raise ValueError
        return _BEGINNING + dt.timedelta(seconds=float(Decimal(str(value).strip()) / divisor))
    except (ValueError, ArithmeticError):
        raise ValueFault(f"expected {'milliseconds' if divisor > 1 else 'seconds'} since 1970 ({name})") from None


def _parsed(value: Any, text: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(value, text)
    except (ValueError, TypeError):
        raise ValueFault(f"expected a date like {text}") from None
