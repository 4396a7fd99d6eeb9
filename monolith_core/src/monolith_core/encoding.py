"""Canonical JSON: the one text of a record's data that content ids are computed from.

UTF-8, no spaces, keys sorted by code point, numbers as they are: integers of up to 4,300 digits, floats in their
shortest form that reads back the same, decimals with all their digits. Dates and times are ISO 8601 text, bytes are
base64, UUIDs text, enums their values, sets sorted. msgspec writes all of that fast; what it cannot write is left to
`exact`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec

from monolith_core.exact import Nan, exact

PLAIN = frozenset(
    {str, int, bool, type(None), dt.date, dt.datetime, dt.time, dt.timedelta, UUID, bytes, bytearray, memoryview}
)
"""The types that msgspec writes right whatever the value."""

_N, _I, _BRACKET = b"NI["

SAMPLE: dict[str, Any] = {
    "\U0001f600": '\x00\x1f\x7f\u2028"\\/\b\n',
    "\uffff": [1e15, 1e16, 1e-5, 1.5e-6, 0.1, -0.0, 5e-324, 1.7976931348623157e308],
    "decimals": [Decimal("1.50"), Decimal("1E+3"), Decimal("-0"), Decimal("0E-8"), 2**64, 10**40],
    "times": [dt.datetime(2024, 2, 29, 1, 2, 3, 40, dt.UTC), dt.time(1, 2), dt.timedelta(days=-400, microseconds=5)],
    "": {"b": b"\x00\xff", "a": UUID(int=5), "c": {2, 10}, "B": (None, True)},
}


def _trusted(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """`encode`, or `exact` if `encode` does not write the same, so that no version of a library can change ids."""
    return encode if encode(SAMPLE) == exact(SAMPLE) else exact


_encode = _trusted(msgspec.json.Encoder(order="sorted", decimal_format="number").encode)


def canonical(data: Mapping[str, Any], nan: Nan = "error") -> bytes:
    """The canonical JSON of a record's data, in UTF-8.

    NaN and the infinities are refused, or become null with `nan="null"`. Raises RecordError, whose `field` is the path
    of the value at fault, for whatever JSON or this encoding has no text for.
    """
    if data.__class__ is not dict:
        return _mapping(data, nan)
    try:
        out = _encode(data)
    except Exception:
        return exact(data, nan)
    return exact(data, nan) if suspect(out) and is_doubtful(data.values(), nan) else out


def suspect(out: bytes) -> bool:
    """Whether there is something in msgspec's JSON that may stand for a value it writes otherwise than is wanted.

    It writes a float that is not finite as null, such a decimal as NaN, and a set of sets in any order.
    """
    # To look for one byte costs next to nothing, so that it is done first; `partition` is the fastest for several.
    return bool(
        out.partition(b"null")[1]
        or (_N in out and out.partition(b"NaN")[1])
        or (_I in out and out.partition(b"Infinity")[1])
        or (_BRACKET in out and out.partition(b"[[")[1])
    )


def _mapping(data: Any, nan: Nan) -> bytes:
    """`canonical` of what is not just a dict."""
    if not isinstance(data, Mapping):
        return exact(data, nan)
    copy = dict(data)
    # A mapping may have a name twice, and a dict then keeps one of them silently; `exact` says so.
    return canonical(copy, nan) if len(copy) == len(data) else exact(data, nan)


def is_doubtful(values: Iterable[Any], nan: Nan) -> bool:
    """Whether msgspec may have written one of the values differently; lists and dicts of plain ones are surely right.

    With `nan="null"`, msgspec writes what is wanted for floats, except in a set: their order is then no order.
    """
    stack: list[Any] = [values]
    while stack:
        for value in stack.pop():
            kind = type(value)
            if kind in PLAIN:
                continue
            if kind is float:
                if nan == "error" and not isfinite(value):
                    return True
            elif kind is dict:
                stack.append(value.values())
            elif kind is list or kind is tuple:
                stack.append(value)
            elif kind is not Decimal or not value.is_finite():
                return True
    return False
