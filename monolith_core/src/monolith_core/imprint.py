"""Imprint: by it an answer that came before is recognised, before anything of it is encoded.

The imprint of a partition is a hash of its rows' values as they came, and of the digest that was made of them. Where
the values hash to the same as before, so is the canonical JSON of every row, and with it the digest; where they do not
nothing is known: the rows may only have come in another order. There is none of what did not come as `Rows`, came
as columns, or has values that are packed as other ones are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from monolith_core.partition import Digest, Partition
from monolith_core.rows import Values

_VERSION = 1
"""To be changed with what canonical JSON or content ids are, so that no answer of before is recognised."""

_PACKED = frozenset({str, int, bool, type(None), float, bytes, dt.date, dt.datetime, UUID})
"""The types whose values are packed alike only if their JSON is alike; a date is packed as its text, as in JSON."""

_NAMES = b"\xc1"
"""Stands before names, and at no place where a value begins (MessagePack never uses it)."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[Any]]).decode

Came = Mapping[Partition, Sequence[tuple[str, Digest]]]
"""The answers that came before, by partition: the imprint and the digest of each."""

NOTHING_CAME: Came = MappingProxyType({})


def pack(rows: Sequence[Values], kinds: set[type]) -> bytes | None:
    """The values of rows, which are of `kinds`, as MessagePack; None where that might not tell two values apart."""
    if not kinds <= _PACKED:
        return None
    # One with a time zone is packed as the instant it is.
    if dt.datetime in kinds and any(type(v) is dt.datetime and v.tzinfo for v in chain.from_iterable(rows)):
        return None
    try:
        return _encode(rows)
    except Exception:  # a large integer, half a character
        return None


def unpack(packed: bytes) -> list[list[Any]]:
    """Rows whose canonical JSON is that of the rows that were packed."""
    return _decode(packed)


class RowHash:
    """The hash of rows of one category, whatever the lists are that they come in; `count` says of how many."""

    __slots__ = ("_hash", "_names", "count")

    def __init__(self) -> None:
        self.count = 0
        self._hash = blake2b(digest_size=16)
        self._names: tuple[str | None, ...] | None = None

    def add(self, names: tuple[str | None, ...], packed: bytes, count: int) -> None:
        """Add so many packed rows."""
        if names != self._names:
            self._names = names
            self._hash.update(_NAMES + _encode(names))
        self._hash.update(memoryview(packed)[_length_of_header(count) :])
        self.count += count

    def digest(self) -> bytes:
        """The hash of what was added."""
        return self._hash.digest()


def hash_of(categories: Mapping[str, RowHash], nan: str) -> bytes:
    """The hash of a partition, whose rows are of these categories; `nan` decides about their JSON too."""
    parts = [(category, each.count, each.digest()) for category, each in sorted(categories.items())]
    return blake2b(_encode([_VERSION, nan, parts]), digest_size=16).digest()


def imprint(hashed: bytes, digest: Digest) -> str:
    """The imprint of rows with this hash of which that digest was made."""
    return blake2b(hashed + str(digest).encode(), digest_size=16).hexdigest()


def _length_of_header(count: int) -> int:
    """How many bytes MessagePack has before the items of an array."""
    if count < 16:
        return 1
    return 3 if count < 2**16 else 5
