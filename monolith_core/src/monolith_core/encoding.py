"""Canonical JSON: the one text of a record's data that content ids are computed from.

UTF-8, no spaces, keys sorted by code point, numbers as they are: integers of any size, floats in their shortest form
that reads back the same, decimals with all their digits. Dates and times are ISO 8601 text, bytes are base64, UUIDs
text, enums their values, sets sorted. msgspec writes nearly all of it, and fast; what it cannot, or would write as
something else, is left to `exact`, which writes the same and says what is wrong where.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from monolith_core.exact import exact

_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode
_HARMLESS = frozenset({str, int, bool, type(None), dt.datetime, dt.date, dt.time, dt.timedelta, bytes, uuid.UUID})


def canonical(data: Mapping[str, Any], nan: Literal["error", "null"] = "error") -> bytes:
    """The canonical JSON of a record's data.

    `nan` says what becomes of floats and decimals that are NaN or infinite: an error, or null. Raises RecordError,
    naming the field, for what JSON cannot hold: those, keys that are not text, text with a lone surrogate, and values
    of types that are not supported.
    """
    try:
        text = _encode(data)
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        return exact(data, nan)
    # msgspec writes a float that is no number as null, and a decimal that is none as its name.
    if (b"null" in text or b"NaN" in text or b"Infinity" in text) and not _finite(data):
        return exact(data, nan)
    return text if text.startswith(b"{") else exact(data, nan)


def _finite(data: Mapping[str, Any]) -> bool:
    """Whether the data are certainly flat and without NaN and infinities."""
    for value in data.values():
        kind = value.__class__
        if kind is float:
            if value - value != 0.0:
                return False
        elif kind not in _HARMLESS and not (kind is Decimal and value.is_finite()):
            return False
    return True
