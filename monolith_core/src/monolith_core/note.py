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

    `deferred` says why nothing can be said of the day yet, such as a file that is still to come: no records of it are
    yielded, every target keeps what it holds, and the day is due in a later run, which is no failure. Where all that is
    left has to wait, raise `Deferred` instead.
    """

    date: dt.date
    remark: str = ""
    version: str = ""
    unchanged: bool = False
    deferred: str = ""

    @property
    def replaces(self) -> bool:
        """Whether the records of the day are what targets are to hold."""
        return not self.unchanged and not self.deferred

    def then(self, later: Note) -> Note:
        """This note with what a later one about the same day adds."""
        return Note(
            self.date,
            later.remark or self.remark,
            later.version or self.version,
            later.unchanged or self.unchanged,
            later.deferred or self.deferred,
        )
