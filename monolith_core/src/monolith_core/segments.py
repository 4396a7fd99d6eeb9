"""Segments: runs of records as they lie in a stage's temporary file."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Segment(NamedTuple):
    """Records of one category at `offset`, `length` bytes long."""

    category: str
    offset: int
    length: int


_decoder = msgspec.msgpack.Decoder(tuple[bytes, list[bytes]])
_encoder = msgspec.msgpack.Encoder()


def encode(ids: bytearray, data: list[bytes]) -> bytes:
    """The bytes of a segment: MessagePack of the concatenated ids and the list of data."""
    return _encoder.encode((bytes(ids), data))


def decode(content: bytes) -> tuple[bytes, list[bytes]]:
    """What `encode` was given."""
    return _decoder.decode(content)
