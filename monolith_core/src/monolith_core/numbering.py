"""Numbering: equal records of one partition are told apart by n = 0, 1, 2, ... in their ids."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, islice
from operator import eq, itemgetter
from struct import Struct

from monolith_core.partition import ID_BYTES, Digest, Partition
from monolith_core.plugin import StagedRecord
from monolith_core.record import content_id

_ID = Struct(f"{ID_BYTES}s")
_BUCKETED = 100_000
"""From so many ids on they are sorted in 256 parts, so that only a small part is a list of objects at any time."""


class Numbering:
    """The ids of a partition, and which of its records must be numbered.

    `repeated` are the ids (computed with n = 0) that more than one record had.
    """

    def __init__(self, partition: Partition, ids: bytes, repeated: frozenset[bytes], *, ordered: bool) -> None:
        self.partition = partition
        self.digest = Digest.of(ids)
        self._ids = ids
        self._ordered = ordered
        self._repeated = repeated

    @property
    def ids(self) -> bytes:
        """The ids in ascending order; a partition that has not changed needs none."""
        return self._ids if self._ordered else sort(self._ids)

    def apply(self, records: Iterable[StagedRecord]) -> Iterator[StagedRecord]:
        """The records with their final ids."""
        return _numbered(self.partition, records, self._repeated) if self._repeated else iter(records)


def number(partition: Partition, ids: bytearray, records: Callable[[], Iterator[StagedRecord]]) -> Numbering:
    """Number the ids of a partition that repeat.

    `records` gives the partition's records with the ids they have so far; it is called only if some ids repeat.
    """
    if len(ids) <= _BUCKETED * ID_BYTES and _begin_differently(ids):
        return Numbering(partition, bytes(ids), frozenset(), ordered=False)
    ordered = sort(ids)
    repeated = frozenset(_repeated(ordered))
    if repeated:
        renamed = bytearray().join(record.id for record in _numbered(partition, records(), repeated))
        ordered = sort(renamed)
    return Numbering(partition, ordered, repeated, ordered=True)


def sort(ids: bytes | bytearray) -> bytes:
    """Concatenated ids in ascending order; a bytearray of many is emptied meanwhile, for the memory's sake."""
    if len(ids) <= _BUCKETED * ID_BYTES:
        return b"".join(sorted(split(ids)))
    buckets = [bytearray() for _ in range(256)]
    for each in split(ids):
        buckets[each[0]] += each
    if isinstance(ids, bytearray):
        ids.clear()
    for bucket in buckets:
        bucket[:] = b"".join(sorted(split(bucket)))
    return b"".join(buckets)


def split(ids: bytes | bytearray) -> Iterator[bytes]:
    """The ids that stand one after the other in `ids`."""
    return map(itemgetter(0), _ID.iter_unpack(ids))


def _begin_differently(ids: bytearray) -> bool:
    """Whether no two ids have the same first half: then none repeats."""
    halves = array("Q", ids)[::2]
    return len(set(halves)) == len(halves)


def _repeated(ordered: bytes) -> Iterator[bytes]:
    """The ids that stand more than once in sorted ids."""
    followers = islice(split(ordered), 1, None)
    return compress(split(ordered), map(eq, split(ordered), followers))


def _numbered(
    partition: Partition, records: Iterable[StagedRecord], repeated: frozenset[bytes]
) -> Iterator[StagedRecord]:
    seen: Counter[bytes] = Counter()
    for record in records:
        n = 0
        if record.id in repeated:
            n = seen[record.id]
            seen[record.id] += 1
        if n == 0:
            yield record
        else:
            yield record._replace(id=content_id(partition.source, partition.date, record.category, record.data, n))
