"""Faults: what is wrong in a file, with its name and line.

FileFault      the file as a whole cannot be trusted; a permanent error of every day that it is read for
ValueFault     one value is not of its type (`values`); with its place it becomes a RecordError of the row's day
"""

from __future__ import annotations

from monolith_core import PermanentError

_LONGEST = 60


class FileFault(PermanentError):
    """Something that makes a whole file unusable: `line` is counted from 1, 0 for the file as such."""

    def __init__(self, path: str, line: int, message: str, *, unit: str = "") -> None:
        super().__init__(f"{where(path, line, unit)}: {message}")
        self.path = path
        self.line = line


def where(path: str, line: int, unit: str = "") -> str:
    """A place in a file, as `path:line`; what has no lines counts in another unit."""
    if not line:
        return path
    return f"{path}, {unit} {line}" if unit else f"{path}:{line}"


def shown(value: object) -> str:
    """A value for a message, not too long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
