"""Durations as people write them: `30s`, `10m`, `48h`, `3d`, `1w`."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", re.IGNORECASE | re.ASCII)


def parse_duration(value: Any) -> Any:
    """Seconds of a duration such as `30s`, `10m`, `48h`, `3d`, `1w`; a bare number is seconds.

    Raises ValueError saying what was got and what is expected.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is no duration; write a number with s, m, h, d or w, such as 30s, 10m or 3d")
    return float(match[1]) * _UNITS[match[2].lower() or "s"]


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as `seconds`: 90 -> `90s`, 600 -> `10m`."""
    for unit in "wdhm":
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]:.15g}{unit}"
    return f"{seconds:.15g}s"
