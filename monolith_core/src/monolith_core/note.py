"""Note: what a source says about a whole day, beside the day's records."""

from __future__ import annotations

import datetime as dt

import msgspec

MAX_VERSION = 255
"""Most characters of a version."""


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something about one day of an answer; a source yields it among the records, in any order.

    A second note about a day adds to the first: what it leaves empty stays. A note is part of the answer it came with,
    and is thrown away with it.

    `remark` is for people, such as `sampled: 40 % of the events`: it is kept in the ledger of each target, and shown by
    `monolith status`, the report, the log and the hook `partition_finished`. An answer without one clears it.

    `version` is an opaque text of at most 255 characters by which the source recognises the day as it is now (an ETag,
    a file's size and time). It is kept when the day is done, and given back by `Context.known`.

    `unchanged` says that the day is as it was under the version known: no records of it are yielded, nothing is
    written, and the ledger notes that it was asked. It is an error for a day of which no version is known.
    """

    date: dt.date
    remark: str = ""
    version: str = ""
    unchanged: bool = False

    def then(self, later: Note) -> Note:
        """This note with what a later one about the same day adds."""
        return Note(
            self.date,
            later.remark or self.remark,
            later.version or self.version,
            later.unchanged or self.unchanged,
        )
