"""The rows of an unbuffered PyMySQL result, read straight from what has come over the connection.

PyMySQL reads each row by several calls, and calls five functions a value. Here each row that has come as a whole is
taken apart with one call a value. Everything else is left to PyMySQL: rows that have come in part or in several
packets, errors, timeouts, the end. This rests on parts of PyMySQL that are not promised, so `batches` looks whether
they are there and otherwise reads as PyMySQL does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from monolith_plugins_sql.ahead import Ahead
from monolith_plugins_sql.conversions import TAKE_BYTES

Decoder = Callable[[bytes], Any]
Row = Sequence[Any]

_HEADER = 4
"""Bytes before a packet: three of its length, one of its number."""
_OF_RESULT = ("converters", "_check_packet_is_eof")
_OF_CONNECTION = ("_read_packet", "_next_seq_id")
_SHORT_END = 9
"""Fewer bytes than this has an end, whose first is 0xFE; in a row that would begin a text of 16 MB."""


def batches(cursor: Any) -> Iterator[list[Row]]:
    """Every row of an executed `SSCursor`, in lists of those that came together."""
    result = getattr(cursor, "_result", None)
    connection = getattr(result, "connection", None)
    if all(hasattr(result, part) for part in _OF_RESULT) and all(hasattr(connection, part) for part in _OF_CONNECTION):
        return _batches(result, connection)
    return ([row] for row in iter(cursor.fetchone, None))


def abandon(cursor: Any) -> None:
    """Give up what is unread: closing the cursor would read it to its end. The connection is of no use afterwards."""
    result = getattr(cursor, "_result", None)
    if result is not None:
        result.unbuffered_active = False
    cursor.connection = None


def _batches(result: Any, connection: Any) -> Iterator[list[Row]]:
    decoders = [_decoder(encoding, converter) for encoding, converter in result.converters]
    while True:
        packet = connection._read_packet()
        data = packet.get_all_data()
        if data[0] == 0xFE and len(data) < _SHORT_END:
            result._check_packet_is_eof(packet)
            result.unbuffered_active = False
            result.connection = None
            return
        yield [_row(data, 0, decoders), *_whole_rows(connection, decoders)]


def _whole_rows(connection: Any, decoders: Sequence[Decoder]) -> list[Row]:
    """Take every row that has come as a whole."""
    stream = getattr(connection, "_rfile", None)
    if not isinstance(stream, Ahead):
        return []
    rows = []
    data, start = stream.data, stream.position
    while start + _HEADER < len(data):
        length = int.from_bytes(data[start : start + 3], "little")
        first = start + _HEADER
        if first + length > len(data) or _is_no_whole_row(data[first], length):
            break
        rows.append(_row(data, first, decoders))
        connection._next_seq_id = (data[start + 3] + 1) % 256
        start = first + length
    stream.position = start
    return rows


def _is_no_whole_row(first: int, length: int) -> bool:
    """Whether a packet is an error, the end, or only a part of a row."""
    return first == 0xFF or (first == 0xFE and length < _SHORT_END) or length == 0xFFFFFF


def _row(data: bytes, position: int, decoders: Sequence[Decoder]) -> Row:
    row: list[Any] = []
    for decode in decoders:
        length = data[position]
        position += 1
        if length >= 0xFB:
            if length == 0xFB:
                row.append(None)
                continue
            size = (2, 3, 8)[length - 0xFC]
            length = int.from_bytes(data[position : position + size], "little")
            position += size
        end = position + length
        row.append(decode(data[position:end]))
        position = end
    return row


def _decoder(encoding: str | None, converter: Callable[[Any], Any] | None) -> Decoder:
    """One function that does what PyMySQL does in two steps: decode, then convert."""
    if encoding is None:
        return converter or bytes
    if converter in TAKE_BYTES:
        return converter  # type: ignore[return-value]
    text = bytes.decode if encoding in ("utf8", "ascii") else partial(str, encoding=encoding)
    if converter is None:
        return text
    return lambda value: converter(text(value))
