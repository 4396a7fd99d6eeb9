"""Time zones: whether a property counts its days as the configuration does."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def difference(name: str, configured: ZoneInfo, year: int) -> str:
    """What to know if a property's time zone is another one than the configuration's; empty if their days are equal."""
    if not name or name == configured.key or _offsets(name, year) == _offsets(configured.key, year):
        return ""
    return (
        f"its days are those of {name}, not of the configuration's {configured.key}: they are kept as they are; "
        f"write timezone = {name} into [monolith] if no other source speaks against it"
    )


def _offsets(name: str, year: int) -> list[dt.timedelta | None]:
    """The offsets of a zone at noon of each day of a year; nothing that equals another one for an unknown zone."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return []
    first = dt.datetime(year, 1, 1, 12, tzinfo=dt.UTC)
    return [(first + dt.timedelta(days=day)).astimezone(zone).utcoffset() for day in range(365)]
