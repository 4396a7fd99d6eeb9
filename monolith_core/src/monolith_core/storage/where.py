"""Where: the condition of a SELECT, put together of what is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any


class Where:
    """A WHERE clause that grows; `of` stands before the names of the days' columns."""

    def __init__(self, start: dt.date | None, end: dt.date | None, of: str = "") -> None:
        self._conditions: list[str] = []
        self.values: list[Any] = []
        if start is not None:
            self.add(f"{of}date >= ?", start.isoformat())
        if end is not None:
            self.add(f"{of}date <= ?", end.isoformat())

    def add(self, condition: str, *values: Any) -> None:
        """A condition that must be met too, with the values of its marks."""
        self._conditions.append(condition)
        self.values.extend(values)

    def one_of(self, column: str, allowed: Iterable[str] | None) -> None:
        """A column has one of these values; None: any."""
        if allowed is not None:
            values = list(allowed)
            self.add(f"{column} IN ({_marks(values)})" if values else "1 = 0", *values)

    @property
    def text(self) -> str:
        """The clause, empty without conditions."""
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" for _ in values)
