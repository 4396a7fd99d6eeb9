"""Segments: parts of a sorted run of records, as they lie in a stage's temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from monolith_core.plugin import StagedRecord

RECORDS = 2000
"""Records in a segment: as many are in memory of every run while runs are merged."""


class Segment(NamedTuple):
    """A segment at `offset`, `length` bytes long."""

    offset: int
    length: int


_decoder = msgspec.msgpack.Decoder(list[StagedRecord])
_encoder = msgspec.msgpack.Encoder()


def slices(records: list[StagedRecord]) -> Iterator[list[StagedRecord]]:
    """The records of each segment of a run."""
    for start in range(0, len(records), RECORDS):
        yield records[start : start + RECORDS]


def encode(records: list[StagedRecord]) -> bytes:
    """The bytes of a segment: MessagePack."""
    return _encoder.encode(records)


def decode(content: bytes) -> list[StagedRecord]:
    """What `encode` was given."""
    return _decoder.decode(content)
