"""The plain Python encoder behind `canonical`: slower, but it takes all there is and knows where what it refuses is.

It writes the very bytes that msgspec writes, without recursion, so that nesting has no limit. It is also what msgspec
is checked against: content ids must stay the same for ever, whatever library writes the JSON.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring
from math import isfinite
from operator import itemgetter
from typing import Any, Literal
from uuid import UUID

import msgspec

from monolith_core.errors import RecordError

Nan = Literal["error", "null"]
"""What becomes of NaN and the infinities, which JSON has no number for."""

_SECOND = dt.timedelta(seconds=1)
_SHOWN = 40
_TOO_LONG = 10**4300
_SUPPORTED = (
    "None, bool, int, float, Decimal, str, bytes, date, datetime, time, timedelta, UUID, an enum, a list, a tuple, "
    "a set or a mapping"
)


def exact(data: Mapping[str, Any], nan: Nan = "error") -> bytes:
    """Canonical JSON of `data`; see `monolith_core.encoding.canonical`."""
    return _Writer(nan).write(data)


class _Open:
    """A container that is being written: what is left of it, the place of the value at hand, and how it ends.

    `items` yields, for each value, its label (a key, an index, or None in a set) and the bytes before it. `marks` are
    the places in the output where the members of a set begin that must still be sorted.
    """

    __slots__ = ("close", "items", "label", "marks", "value")

    def __init__(self, value: object, items: Iterator[tuple[str | int | None, bytes, Any]], close: bytes) -> None:
        self.value = value
        self.items = items
        self.close = close
        self.label: str | int | None = None
        self.marks: list[int] | None = None


class _Writer:
    """Writes one record's data; `_open` are the containers that the value at hand is in, the outermost first."""

    def __init__(self, nan: Nan) -> None:
        self._nan = nan
        self._out: list[bytes] = []
        self._open: list[_Open] = []
        self._inside: set[int] = set()

    def write(self, data: Any) -> bytes:
        if not isinstance(data, Mapping):
            raise self._refuse(f"expected a mapping of names to values, got {_kind(data)}")
        self._value(data)
        while self._open:
            self._go_on(self._open[-1])
        return b"".join(self._out)

    def _go_on(self, container: _Open) -> None:
        """Write what is left of the innermost container, up to the next container in it."""
        for label, lead, value in container.items:
            container.label = label
            self._out.append(lead)
            self._value(value)
            if self._open[-1] is not container:
                return
        container.label = None
        self._close(container)

    def _value(self, value: Any) -> None:
        while isinstance(value, Enum):
            value = value._value_
        write = _writer(type(value))
        if write is None:
            self._container(value)
        elif isinstance(value, float | Decimal) and not _is_finite(value):
            self._out.append(self._not_finite(value))
        else:
            self._out.append(self._scalar(write, value))

    def _scalar(self, write: Callable[[Any], str], value: Any) -> bytes:
        try:
            return write(value).encode()
        except UnicodeEncodeError as error:
            raise self._refuse(f"the text has {_surrogate(error)}") from None
        except Exception as error:
            raise self._refuse(f"{_kind(value)} cannot be written: {' '.join(str(error).split())}") from error

    def _not_finite(self, value: float | Decimal) -> bytes:
        if self._nan == "null":
            return b"null"
        raise self._refuse(
            f"got {value}, expected a finite number, as JSON has no other; leave it out, send None, or set nan = null "
            f"where the source has that option"
        )

    def _container(self, value: Any) -> None:
        if isinstance(value, Mapping):
            self._begin(b"{", _Open(value, self._members(value), b"}"))
        elif isinstance(value, list | tuple):
            self._begin(b"[", _Open(value, _elements(value), b"]"))
        elif isinstance(value, set | frozenset):
            self._set(value)
        else:
            self._value(self._builtin(value))

    def _begin(self, start: bytes, container: _Open) -> None:
        if id(container.value) in self._inside:
            raise self._refuse("contains itself, so it has no end; send a copy without the cycle")
        self._inside.add(id(container.value))
        self._open.append(container)
        self._out.append(start)

    def _close(self, container: _Open) -> None:
        if container.marks is not None:
            self._sort(container.marks)
        self._out.append(container.close)
        self._inside.remove(id(container.value))
        self._open.pop()

    def _members(self, mapping: Mapping[Any, Any]) -> Iterator[tuple[str, bytes, Any]]:
        pairs = [(self._key(key), value) for key, value in mapping.items()]
        pairs.sort(key=itemgetter(0))
        comma, last = "", None
        for key, value in pairs:
            if key == last:
                raise self._refuse(f"the key {_short(key)} is there twice; send each name once")
            yield key, f"{comma}{encode_basestring(key)}:".encode(), value
            comma, last = ",", key

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise self._refuse(f"the key {_short(key)} is {_kind(key)}, expected text; convert it with str()")
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise self._refuse(f"the key {_short(key)} has {_surrogate(error)}") from None
        return str.__str__(key)

    def _set(self, members: set[Any] | frozenset[Any]) -> None:
        """In the order of the members, or, if they have none, of their JSON."""
        ordered = _in_order(members)
        if ordered is not None:
            self._begin(b"[", _Open(members, _elements(ordered), b"]"))
            return
        container = _Open(members, iter(()), b"]")
        container.marks = []
        container.items = self._marked(members, container.marks)
        self._begin(b"[", container)

    def _marked(self, members: Iterable[Any], marks: list[int]) -> Iterator[tuple[None, bytes, Any]]:
        for member in members:
            marks.append(len(self._out))
            yield None, b"", member

    def _sort(self, marks: list[int]) -> None:
        """Sort the end of the output, whose pieces begin at `marks`, and put commas between them."""
        ends = [*marks[1:], len(self._out)]
        pieces = sorted(b"".join(self._out[start:end]) for start, end in zip(marks, ends, strict=True))
        del self._out[marks[0] :]
        self._out.append(b",".join(pieces))

    def _builtin(self, value: object) -> Any:
        """A dataclass, a msgspec Struct or an attrs object as the dict of its fields."""
        try:
            return msgspec.to_builtins(value, order="sorted", builtin_types=_KEPT)
        except Exception:
            raise self._refuse(f"got {_kind(value)}, expected {_SUPPORTED}; convert it at the source") from None

    def _refuse(self, message: str) -> RecordError:
        field = "data" + "".join(_step(container) for container in self._open)
        return RecordError(message, field=field if len(field) <= 200 else f"{field[:100]}...{field[-97:]}")


def _step(container: _Open) -> str:
    label = container.label
    if label is None:
        return "[]" if isinstance(container.value, set | frozenset) else ""
    if isinstance(label, int):
        return f"[{label}]"
    return f".{label}" if label.isidentifier() and len(label) <= _SHOWN else f"[{_short(label)}]"


def _elements(values: Iterable[Any]) -> Iterator[tuple[int, bytes, Any]]:
    for index, value in enumerate(values):
        yield index, b"," if index else b"", value


def _in_order(members: Iterable[Any]) -> list[Any] | None:
    """The members of a set as `sorted` has them; None if that is not one order, always the same.

    Frozensets are compared as subsets, and NaN is neither before nor after anything.
    """
    stack = [members]
    while stack:
        for value in stack.pop():
            if isinstance(value, frozenset) or (isinstance(value, float | Decimal) and value != value):
                return None
            if isinstance(value, tuple):
                stack.append(value)
    try:
        return sorted(members)
    except TypeError:
        return None


def _is_finite(value: float | Decimal) -> bool:
    return isfinite(value) if isinstance(value, float) else value.is_finite()


def _float(value: float) -> str:
    """`repr`, but for the exponents: `1e16` and `1e-7` are written for `1e+16` and `1e-07`, `0.00001` for `1e-05`."""
    mantissa, e, exponent = float.__repr__(value).partition("e")
    if not e:
        return mantissa
    if int(exponent) == -5:
        sign = "-" if value < 0 else ""
        return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"
    return f"{mantissa}e{int(exponent)}"


def _int(value: int) -> str:
    if not -_TOO_LONG < value < _TOO_LONG:
        raise ValueError("it has more than 4,300 digits, which readers of JSON refuse; send it as text")
    # Through Decimal, as Python's own limit on the digits of an int depends on the process's settings.
    return str(Decimal(value)) if value.bit_length() > 2048 else int.__repr__(value)


def _date(value: dt.date) -> str:
    return f'"{value.year:04d}-{value.month:02d}-{value.day:02d}"'


def _clock(value: dt.datetime | dt.time) -> str:
    fraction = f".{value.microsecond:06}" if value.microsecond else ""
    return f"{value.hour:02}:{value.minute:02}:{value.second:02}{fraction}{_offset(value.utcoffset())}"


def _offset(offset: dt.timedelta | None) -> str:
    """The offset from UTC in whole minutes, as RFC 3339 has it: seconds, which only local mean times have, are rounded.

    As msgspec does it: half a minute is rounded to zero, and an offset of nearly a day, which no zone has, is none.
    """
    if offset is None:
        return ""
    seconds = offset // _SECOND
    minutes = (abs(seconds) + 29) // 60 % (24 * 60)
    if minutes == 0:
        return "Z"
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _datetime(value: dt.datetime) -> str:
    return f'{_date(value)[:-1]}T{_clock(value)}"'


def _time(value: dt.time) -> str:
    return f'"{_clock(value)}"'


def _timedelta(value: dt.timedelta) -> str:
    """An ISO 8601 duration in days and seconds, `P1DT3.5S`, with one sign before all of it."""
    sign, value = ("-", -value) if value < dt.timedelta() else ("", value)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    seconds = f"T{value.seconds}{fraction}S" if value.seconds or fraction else ""
    days = f"{value.days}D" if value.days or not seconds else ""
    return f'"{sign}P{days}{seconds}"'


def _bytes(value: bytes | bytearray | memoryview) -> str:
    return f'"{base64.b64encode(bytes(value)).decode()}"'


_SCALARS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    bool: lambda value: "true" if value else "false",
    int: _int,
    float: _float,
    type(None): lambda value: "null",
    Decimal: Decimal.__str__,
    dt.datetime: _datetime,
    dt.date: _date,
    dt.time: _time,
    dt.timedelta: _timedelta,
    UUID: lambda value: f'"{UUID.__str__(value)}"',
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
}
"""How a value is written that holds no others; a type stands before those it is derived from."""


def _writer(kind: type) -> Callable[[Any], str] | None:
    """What writes the values of a type, or of a type derived from it; None for what holds other values."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    return next((write for known, write in _SCALARS.items() if issubclass(kind, known)), None)


_KEPT = (bytes, bytearray, memoryview, dt.datetime, dt.date, dt.time, dt.timedelta, UUID, Decimal)


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _surrogate(error: UnicodeEncodeError) -> str:
    return (
        f"a lone surrogate ({ascii(error.object[error.start])[1:-1]}), which is no character and which UTF-8 cannot "
        f"write; decode it at the source with errors='replace'"
    )
