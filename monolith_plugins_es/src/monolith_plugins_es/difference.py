"""Difference: which ids a partition lacks and which it has too many, in little more memory than they take."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

ID_BYTES = 16


class Difference:
    """The ids wanted, one after the other in order, against those held, which are noted in any order."""

    def __init__(self, wanted: bytes) -> None:
        self._wanted = wanted
        self._places = range(len(wanted) // ID_BYTES)
        self._kept = bytearray(len(self._places))
        self.removed = bytearray()
        """The ids that are held and not wanted, one after the other."""

    def note(self, identity: bytes) -> None:
        """An id is held."""
        place = self._place(identity)
        if place is None:
            self.removed += identity
        else:
            self._kept[place] = 1

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are to be added, removed and kept."""
        kept = sum(self._kept)
        return len(self._kept) - kept, len(self.removed) // ID_BYTES, kept

    def lacks(self, identity: bytes) -> bool:
        """Whether a wanted id is not held."""
        place = self._place(identity)
        return place is not None and not self._kept[place]

    def _place(self, identity: bytes) -> int | None:
        place = bisect_left(self._places, identity, key=self._at)
        return place if place < len(self._places) and self._at(place) == identity else None

    def _at(self, place: int) -> bytes:
        return self._wanted[place * ID_BYTES : (place + 1) * ID_BYTES]


def split(ids: bytes | bytearray) -> Iterable[bytes]:
    """The ids that stand one after the other."""
    return (bytes(ids[at : at + ID_BYTES]) for at in range(0, len(ids), ID_BYTES))
