"""Canonical JSON by plain Python: slower than msgspec, of any depth, and able to say which field is wrong.

It writes byte for byte what msgspec writes where both can; a test holds them to that.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from monolith_core.errors import RecordError

NotANumber = Literal["error", "null"]
_encode = msgspec.json.Encoder(decimal_format="number").encode
_NUMBERS_HINT = "JSON has no such number; leave it out, or let the option nan = null keep it as null"


def exact(data: Any, nan: NotANumber = "error") -> bytes:
    """The canonical JSON of `data`; see `monolith_core.encoding.canonical`."""
    if not isinstance(data, Mapping):
        raise RecordError(f"expected a mapping of names to values, got {type(data).__name__}", field="data")
    return _Writer(nan).write(data)


class _Writer:
    """Writes one value after the other; what is still to be written is a stack, so that no depth is too deep."""

    def __init__(self, nan: NotANumber) -> None:
        self._nan = nan
        self._out: list[bytes] = []

    def write(self, data: Mapping[Any, Any]) -> bytes:
        stack: list[Iterator[tuple[bytes, str, Any]]] = [iter([(b"", "data", data)])]
        closing: list[bytes] = []
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                if closing:
                    self._out.append(closing.pop())
                continue
            before, field, value = step
            self._out.append(before)
            value = _plain(value)
            if isinstance(value, Mapping):
                self._out.append(b"{")
                stack.append(_members(value, field))
                closing.append(b"}")
            elif isinstance(value, list | tuple | set | frozenset):
                self._out.append(b"[")
                stack.append(self._items(value, field))
                closing.append(b"]")
            else:
                self._out.append(_scalar(value, field, self._nan))
        return b"".join(self._out)

    def _items(self, values: Any, field: str) -> Iterator[tuple[bytes, str, Any]]:
        if isinstance(values, set | frozenset):
            values = _sorted_set(values, field)
        for index, value in enumerate(values):
            yield b"," if index else b"", f"{field}[{index}]", value


def _plain(value: Any) -> Any:
    """An enum's value."""
    while isinstance(value, enum.Enum):
        value = value.value
    return value


def _members(mapping: Mapping[Any, Any], field: str) -> Iterator[tuple[bytes, str, Any]]:
    for key in mapping:
        if not isinstance(key, str):
            raise RecordError(f"expected names that are text, got the {type(key).__name__} {key!r}", field=field)
    for index, key in enumerate(sorted(mapping)):
        path = f"{field}.{key}"
        comma = b"," if index else b""
        yield comma + _text(key, path) + b":", path, mapping[key]


def _sorted_set(values: Any, field: str) -> list[Any]:
    """The members of a set in msgspec's order: numbers, then text, each sorted."""
    try:
        return list(msgspec.to_builtins(values, order="sorted", builtin_types=_TYPES))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise RecordError(f"a set whose members cannot be sorted: {error}", field=field) from None


_TYPES = (bytes, bytearray, memoryview, dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID, Decimal)


def _scalar(value: Any, field: str, nan: NotANumber) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value, field)
    if isinstance(value, float | Decimal):
        return _number(value, field, nan)
    raise RecordError(
        f"a value of type {type(value).__name__} is not supported; expected text, a number, a bool, None, a date or "
        "time, bytes, a UUID, an enum, a list or a mapping",
        field=field,
    )


def _number(value: float | Decimal, field: str, nan: NotANumber) -> bytes:
    if math.isfinite(value):
        return str(value).encode() if isinstance(value, Decimal) else shortest(value)
    if nan == "null":
        return b"null"
    raise RecordError(f"got {value}; {_NUMBERS_HINT}", field=field)


def shortest(value: float) -> bytes:
    """The shortest decimal form that reads back as `value`: plain from 1e-5 up to 1e16, with an exponent beyond."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    digits, exponent = _decimal_digits(abs(value))
    point = len(digits) + exponent  # where the point stands, counted from the first digit
    if -5 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}".encode()
    if 0 < point <= 16:
        whole = digits.ljust(point, "0")
        return f"{sign}{whole[:point]}.{whole[point:] or '0'}".encode()
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1}".encode()


def _decimal_digits(value: float) -> tuple[str, int]:
    """The shortest digits of a float, and the power of ten they are to be multiplied with."""
    if value == 0:
        return "0", 0
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    return text, int(exponent) + len(digits) - len(text)


def _text(value: str, field: str) -> bytes:
    try:
        return _encode(str(value))
    except UnicodeEncodeError as error:
        raise RecordError(
            f"text with a lone surrogate (U+{ord(value[error.start]):04X}) cannot be UTF-8; decode it rightly",
            field=field,
        ) from None


def _integer(value: int, field: str) -> bytes:
    """Every digit: `str` refuses integers of more than some thousand digits, hexadecimal ones are free."""
    try:
        return str(int(value)).encode()
    except ValueError:
        raise RecordError("an integer of more than 4,300 digits; keep it as text", field=field) from None


def _as_text(value: Any, field: str) -> bytes:
    return _encode(value)


def _base64(value: Any, field: str) -> bytes:
    return b'"' + base64.b64encode(value) + b'"'


_WRITERS: list[tuple[Any, Callable[[Any, str], bytes]]] = [
    (str, _text),
    (int, _integer),
    ((bytes, bytearray, memoryview), _base64),
    ((dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID), _as_text),
]
