"""Values: what a field's text means, as a given type or by the rule for texts without one.

The rule looks at one text and at nothing else, so that no other row and no other file can change what it means:

- an empty text, and every text of the option `null`, is null, whatever the type;
- `true` and `false` are that;
- an integer without a leading zero, of at most 18 digits, is an integer: `0`, `-12`, but not `007`, `+1`, `-0`;
- such an integer with a fraction, of at most 15 digits in all, is a float: `1.50`, `-0.25`, but not `.5`, `1e5`;
- everything else is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
_MOST_DIGITS = 15
"""Of a float that is written as it was read."""

_ANY_INTEGER = re.compile(r"[-+]?[0-9]{1,4300}")
_ANY_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "1"), True) | dict.fromkeys(("false", "f", "no", "n", "0"), False)

Convert = Callable[[str], Any]


class ValueFault(ValueError):
    """A text that is not of its type; the message says what was expected."""


def inferred(text: str) -> Any:
    """What a text without a type means; see the module."""
    if text == "true":
        return True
    if text == "false":
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and len(text.lstrip("-")) <= _MOST_DIGITS + 1:
        return float(text)
    return text


def integer(text: str) -> int:
    """A whole number, also with a sign and leading zeros."""
    text = text.strip()
    if not _ANY_INTEGER.fullmatch(text):
        raise ValueFault("expected a whole number")
    return int(text)


def real(text: str) -> float:
    """A number as a float; NaN and the infinities are left to the option `nan`."""
    text = text.strip()
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    if not _ANY_NUMBER.fullmatch(text) or not isfinite(value := float(text)):
        raise ValueFault("expected a number")
    return value


def finite(text: str) -> float:
    """A number as a float, and no other."""
    value = real(text)
    if not isfinite(value):
        raise ValueFault("expected a number that JSON has; set nan = null to write null")
    return value


def decimal(text: str) -> Decimal:
    """A number with all its digits."""
    text = text.strip()
    if not _ANY_NUMBER.fullmatch(text):
        raise ValueFault("expected a number")
    return Decimal(text)


def boolean(text: str) -> bool:
    """`true`, `yes`, `t`, `y`, `1`, or their opposites, in upper or lower case."""
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise ValueFault("expected true or false")
    return value


def number(text: str) -> float | Decimal:
    """A number of JSON, to be written again as it stands there: `1.50` is a decimal of two places."""
    value = float(text)
    if repr(value) == text or (isfinite(value) and msgspec.json.encode(value).decode() == text):
        return value
    return Decimal(text)


_json = msgspec.json.Decoder(float_hook=number)
_encode = msgspec.json.Encoder(decimal_format="number").encode


def json(text: str) -> Any:
    """Whatever JSON says."""
    try:
        return _json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueFault(f"expected JSON ({error})") from None


TYPES: dict[str, Convert] = {
    "text": str,
    "integer": integer,
    "float": real,
    "decimal": decimal,
    "boolean": boolean,
    "json": json,
    "inferred": inferred,
}
"""The types that a column can be given."""

_ALSO = {"str": "text", "string": "text", "int": "integer", "number": "float", "bool": "boolean", "auto": "inferred"}
EVERY_OTHER = "*"


def parse_types(items: Iterable[str]) -> dict[str, str]:
    """Types as they are written, `price: float`; raises ValueError for what is none. `*` is every other column."""
    found: dict[str, str] = {}
    for item in items:
        name, colon, kind = (part.strip() for part in item.rpartition(":"))
        if not colon or not name:
            raise ValueError(f"{item!r} is no type of a column; write it as price: float")
        kind = _ALSO.get(kind.lower(), kind.lower())
        if kind not in TYPES:
            raise ValueError(f"{kind!r} is no type; expected {', '.join(TYPES)}")
        if name in found:
            raise ValueError(f"{name} has two types; remove one of them")
        found[name] = kind
    return found


class Column:
    """Makes values of the texts of one column, many at once; a text of None is null too.

    Most columns repeat few texts, so each text is converted once and remembered. `most` texts are; a column that has
    ever new ones is converted without.
    """

    def __init__(self, convert: Convert, null: Iterable[str] = (), *, most: int = 10_000) -> None:
        self._convert = convert
        self._null = frozenset(("", *null))
        self._most = most
        self._asked = 0
        self._known: dict[str | None, Any] | None = _Memo(self._value)

    def values(self, texts: Sequence[str | None]) -> Sequence[Any]:
        """The value of each text; raises ValueFault."""
        if self._convert is str and len(self._null) == 1:
            return texts if all(texts) else [text or None for text in texts]
        if self._known is None:
            return list(map(self._value, texts))
        self._asked += len(texts)
        if len(self._known) > self._most:
            self._known = _Memo(self._value) if self._asked > 3 * self._most else None
            self._asked = 0
            return self.values(texts)
        return list(map(self._known.__getitem__, texts))

    def _value(self, text: str | None) -> Any:
        return None if text is None or text in self._null else self._convert(text)


class _Memo(dict[str | None, Any]):
    def __init__(self, convert: Callable[[str | None], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str | None) -> Any:
        value = self[text] = self._convert(text)
        return value


def cast(value: Any, kind: str, convert: Convert) -> Any:
    """A value that has a type already, of JSON or Parquet, as the one that is wanted."""
    if isinstance(value, str):
        return convert(value)
    if value is None or kind in ("inferred", "json"):
        return value
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    text = _encode(value).decode()
    return convert(_json.decode(text) if text.startswith('"') else text)
