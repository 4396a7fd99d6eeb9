"""The notes of one answer: collected by day, and checked like records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection

from monolith_core.errors import PermanentError, RecordError
from monolith_core.note import MAX_VERSION, Note


class Notes:
    """What a source, which errors name `own`, says about whole days.

    `known` gives the version that is known of a day, an empty text if none is.
    """

    def __init__(self, own: str, known: Callable[[dt.date], str]) -> None:
        self.own = own
        self.count = 0
        self._known = known
        self._notes: dict[dt.date, Note] = {}

    def add(self, note: Note) -> None:
        """Add a note; raises RecordError for one that cannot be kept, PermanentError for one that cannot be true."""
        _check(note)
        if note.unchanged and not self._known(note.date):
            raise PermanentError(
                f"{self.own} said that {note.date} is unchanged, but no version of it is known; its plugin may say so "
                "only where context.known gives a version"
            )
        self.count += 1
        self._notes[note.date] = self.of(note.date).then(note)

    def of(self, day: dt.date) -> Note:
        """What was said about a day, an empty note if nothing was."""
        return self._notes.get(day) or Note(day)

    def agree(self, days: Collection[dt.date]) -> None:
        """Raise PermanentError if one of the days that have records was said to be unchanged or deferred."""
        for day, note in self._notes.items():
            if not note.replaces and day in days:
                what = "unchanged" if note.unchanged else "deferred"
                raise PermanentError(
                    f"{self.own} said that {day} is {what}, and yielded records of it; "
                    "its plugin must do one or the other"
                )


def _check(note: Note) -> None:
    for field in ("remark", "version", "deferred"):
        if not isinstance(getattr(note, field), str):
            raise RecordError(f"expected a text, got {type(getattr(note, field)).__name__}", field=field)
    if not isinstance(note.unchanged, bool):
        raise RecordError(f"expected True or False, got {type(note.unchanged).__name__}", field="unchanged")
    version = note.version
    if len(version) > MAX_VERSION:
        raise RecordError(f"has {len(version)} characters, expected at most {MAX_VERSION}; hash it", field="version")
    # What a database would refuse or change could never be recognised again.
    if version and not (version.isprintable() and version == version.strip()):
        raise RecordError(f"expected printable text, no spaces around it, got {version!r}; hash it", field="version")
