"""What a partition lacks and what it has too much, found by merging two sorted streams of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ID_BYTES = 16


@dataclass(frozen=True)
class Difference:
    """The ids to add, to keep and to remove; each is concatenated ids, sorted."""

    added: bytes | bytearray
    kept: bytes | bytearray
    removed: bytes | bytearray

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are added, removed and kept."""
        return len(self.added) // ID_BYTES, len(self.removed) // ID_BYTES, len(self.kept) // ID_BYTES

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def missing(self) -> IdFilter:
        """Which of the wanted ids are to be added; remembers the smaller of the two parts."""
        if len(self.added) <= len(self.kept):
            return IdFilter(frozenset(split(self.added)), inside=True)
        return IdFilter(frozenset(split(self.kept)), inside=False)


@dataclass(frozen=True)
class IdFilter:
    """Tells the ids that are in a set, or those that are not."""

    ids: frozenset[bytes]
    inside: bool

    def __contains__(self, identity: bytes) -> bool:
        return (identity in self.ids) is self.inside


def compare(wanted: bytes, held: Iterable[bytes]) -> Difference:
    """The difference between the `wanted` ids (concatenated, sorted) and those `held` (sorted)."""
    added, kept, removed = bytearray(), bytearray(), bytearray()
    position, end = 0, len(wanted)
    for identity in held:
        start = position
        while position < end and wanted[position : position + ID_BYTES] < identity:
            position += ID_BYTES
        added += wanted[start:position]
        if wanted[position : position + ID_BYTES] == identity:
            kept += identity
            position += ID_BYTES
        else:
            removed += identity
    if not kept and not added:
        return Difference(wanted, kept, removed)
    added += wanted[position:]
    return Difference(added, kept, removed)


def split(ids: bytes | bytearray) -> Iterator[bytes]:
    """The ids that stand one after the other in `ids`."""
    for at in range(0, len(ids), ID_BYTES):
        yield bytes(ids[at : at + ID_BYTES])
