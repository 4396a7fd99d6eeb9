"""What PyMySQL makes of the values of each type."""

from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache
from typing import Any


@lru_cache(1)
def conversions() -> dict[Any, Any]:
    """PyMySQL's conversions, with fast ones for dates, and the text of TIME, which may be no time of day."""
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    ours = {
        FIELD_TYPE.DATE: _date,
        FIELD_TYPE.DATETIME: _datetime,
        FIELD_TYPE.TIMESTAMP: _datetime,
        FIELD_TYPE.BIT: lambda value: int.from_bytes(value, "big"),
        FIELD_TYPE.JSON: json.loads,
    }
    return {name: value for name, value in conversions.items() if name != FIELD_TYPE.TIME} | ours


@lru_cache(4096)
def _date(text: str | bytes) -> dt.date | str:
    """A DATE, or its text where MySQL allows what is no date, such as 0000-00-00."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text


def _datetime(text: str) -> dt.datetime | str:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return text


TAKE_BYTES = frozenset({int, float, _date})
"""Those that take ASCII bytes as they take text."""
