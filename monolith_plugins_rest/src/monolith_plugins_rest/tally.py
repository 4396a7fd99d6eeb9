"""Tally: whether all records came, each once, though they were read page by page while the service lived on."""

from __future__ import annotations

from typing import Any

from monolith_core import RecordError, TemporaryError, canonical
from monolith_plugins_rest.expressions import Pick, picker
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.paging import Page, whole_number

_AGAIN = "the pages were changed while they were read"


class Tally:
    """Counts the records of one question.

    `id_of` finds what tells a record from every other: equal records are no repetition if their ids differ, and if
    there is none, none is noticed. `total_of` finds how many there are.
    """

    def __init__(self, id_of: Pick | None, total_of: Pick | None, id_name: str = "id") -> None:
        self._id_of = id_of
        self._total_of = total_of
        self._id_name = id_name
        self._seen: set[Any] = set()
        self._total: int | None = None
        self.count = 0

    @classmethod
    def of(cls, options: RestOptions) -> Tally:
        """A tally as the options say."""
        return cls(
            picker("id", options.id) if options.id else None,
            picker("total", options.total) if options.total else None,
            options.id or "",
        )

    def add(self, page: Page) -> None:
        """Count a page's records; raises TemporaryError if one came before, or the service counts anew."""
        if self._total_of is not None:
            total = whole_number("total", self._total_of(page.value))
            if self._total not in (None, total):
                raise TemporaryError(f"the service has {total} records now and had {self._total} before: {_AGAIN}")
            self._total = total
        if self._id_of is not None:
            self._identify(page.records, self._id_of)
        self.count += len(page.records)

    def finish(self) -> None:
        """All pages are read; raises TemporaryError if records are missing, or are too many."""
        if self._total not in (None, self.count):
            raise TemporaryError(
                f"{self.count} records came, and the service says that there are {self._total}: {_AGAIN}"
            )

    def _identify(self, records: list[Any], id_of: Pick) -> None:
        for number, record in enumerate(records, self.count + 1):
            identity = id_of(record)
            if identity is None:
                raise RecordError(f"record {number} has nothing there", field=self._id_name)
            key = identity if type(identity) in (str, int) else canonical({"": identity})
            if key in self._seen:
                raise TemporaryError(f"the record with {self._id_name} {identity!r} came twice: {_AGAIN}")
            self._seen.add(key)
