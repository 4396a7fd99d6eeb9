"""Scope: which rows of a file are wanted, by their days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from typing import Any

from monolith_plugins_files.values import ValueFault


class Scope(dict[Any, dt.date | None]):
    """What the values of the date column mean: a day that is asked for, or None for one that is not.

    `read` says which day a value is, `wanted` are the days asked for, `allowed` whether a file may have rows of a day.
    Values are remembered. Looking one up raises ValueFault for what is no day, or is none that the file may have.
    """

    MOST = 20_000

    def __init__(
        self, read: Callable[[Any], dt.date], wanted: Collection[dt.date], allowed: Callable[[dt.date], bool]
    ) -> None:
        super().__init__()
        self._read = read
        self._wanted = frozenset(wanted)
        self._allowed = allowed

    def __missing__(self, value: Any) -> dt.date | None:
        if value is None or value == "":
            raise ValueFault("expected a day")
        day = self._read(value)
        if day not in self._wanted and not self._allowed(day):
            raise ValueFault(
                f"{day} is not a day of this file, as its path says; correct it, or set overlap if a file also has "
                "rows of the days beside"
            )
        if len(self) > self.MOST:
            self.clear()
        found = self[value] = day if day in self._wanted else None
        return found

    def days(self, values: Iterable[Any]) -> list[dt.date | None]:
        """What each value means."""
        return list(map(self.__getitem__, values))
