"""Search: the files of a window's days, and what they say of each day without being read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from hashlib import blake2b

from monolith_core import Window
from monolith_plugins_files.storage import File, Storage
from monolith_plugins_files.template import Key

ONE_DAY = dt.timedelta(days=1)


class Search:
    """What files there were for the days of a window, and for `overlap` days before and after it."""

    def __init__(self, storage: Storage, window: Window, overlap: int) -> None:
        self._window = window
        self._overlap = overlap
        self._key_of = storage.template.key
        days = list(_around(window.start, window.end, overlap))
        self._keys = {day: self._key_of(day) for day in days}
        self._days = storage.template.keys(days)
        self._files: dict[Key, list[File]] = {}
        for file in sorted(storage.files(days)):
            key = storage.template.key_of(file.path)
            assert key is not None
            self._files.setdefault(key, []).append(file)
        self._key = {file: key for key, files in self._files.items() for file in files}

    @property
    def files(self) -> Iterator[File]:
        """Every file that may have rows of the window's days, by name."""
        return (file for file in sorted(self._key) if self.days_of(file))

    def of(self, day: dt.date) -> list[File]:
        """The files whose path is that of a day."""
        return self._files.get(self._keys[day], [])

    def version(self, day: dt.date) -> str:
        """A text that is another one when anything changed in the files that may have rows of a day.

        Empty if the file system does not tell enough. Folders do not count, so that files may be moved.
        """
        days = _around(day, day, self._overlap)
        files = dict.fromkeys(file for each in days for file in self.of(each))
        if not all(file.tag for file in files):
            return ""
        return blake2b("\n".join(f"{file.name} {file.tag}" for file in files).encode(), digest_size=16).hexdigest()

    def days_of(self, file: File) -> list[dt.date]:
        """The window's days that a file may have rows of."""
        own = self._days[self._key[file]]
        days = {near for day in own for near in _around(day, day, self._overlap) if near in self._window}
        return sorted(days)

    def allows(self, file: File) -> Callable[[dt.date], bool]:
        """Whether a file may have rows of a day, by its path."""
        key = self._key[file]

        def allowed(day: dt.date) -> bool:
            return any(self._key_of(near) == key for near in _around(day, day, self._overlap))

        return allowed


def _around(start: dt.date, end: dt.date, more: int) -> Iterator[dt.date]:
    first, last = start.toordinal() - more, end.toordinal() + more
    return (dt.date.fromordinal(day) for day in range(max(first, 1), min(last, dt.date.max.toordinal()) + 1))
