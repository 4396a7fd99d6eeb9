"""Patterns: the regular expressions of lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Ready:
    """A pattern with a name: the types of its columns, and the format of its column `time`."""

    text: str
    types: Mapping[str, str]
    time: str


_INSIDE = r'[^"\\]*(?:\\.[^"\\]*)*'
_COMMON = (
    r"(?P<host>\S+) (?:-|(?P<ident>\S+)) (?:-|(?P<user>.+?)) \[(?P<time>[^\]]+)\] "
    rf'"(?P<request>{_INSIDE})" (?:-|(?P<status>\d{{3}})) (?:-|(?P<bytes>\d+))'
)
_COMBINED = rf'{_COMMON} "(?:-|(?P<referer>{_INSIDE}))" "(?:-|(?P<agent>{_INSIDE}))"'
_TYPES = {"status": "integer", "bytes": "integer", "*": "text"}
_TIME = "%d/%b/%Y:%H:%M:%S %z"

READY = {"common": Ready(_COMMON, _TYPES, _TIME), "combined": Ready(_COMBINED, _TYPES, _TIME)}
"""The access logs of web servers: Apache's Common Log Format, and its `combined`, which is nginx's too. What is not
known is a `-` there and null here."""


@lru_cache(maxsize=64)
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression that is meant; raises ValueError for what is none, or has no named groups."""
    try:
        found = re.compile(READY[pattern].text if pattern in READY else pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if not found.groupindex:
        raise ValueError("has no named groups; write (?P<name>...) around each part that is wanted")
    return found
