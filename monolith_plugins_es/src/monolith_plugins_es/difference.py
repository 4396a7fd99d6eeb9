"""Difference: which ids a partition lacks, and which it has too many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ID_BYTES = 16


@dataclass(frozen=True)
class Difference:
    """The ids to add, those to keep and those to remove, each one after the other in order."""

    added: bytes | bytearray
    kept: bytes | bytearray
    removed: bytes | bytearray

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are added, removed and kept."""
        return len(self.added) // ID_BYTES, len(self.removed) // ID_BYTES, len(self.kept) // ID_BYTES


def compare(wanted: bytes, held: Iterable[bytes]) -> Difference:
    """The difference between the `wanted` ids, one after the other, and those `held`; both in order."""
    added, kept, removed = bytearray(), bytearray(), bytearray()
    at, end = 0, len(wanted)
    for identity in held:
        start = at
        while at < end and wanted[at : at + ID_BYTES] < identity:
            at += ID_BYTES
        added += wanted[start:at]
        if wanted[at : at + ID_BYTES] == identity:
            kept += identity
            at += ID_BYTES
        else:
            removed += identity
    added += wanted[at:]
    return Difference(added, kept, removed)


def split(ids: bytes | bytearray) -> Iterable[bytes]:
    """The ids that stand one after the other."""
    return (bytes(ids[at : at + ID_BYTES]) for at in range(0, len(ids), ID_BYTES))
