"""Decode: the JSON of an answer, or an error that shows what came instead."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal
from math import isfinite
from typing import Any, Literal

import msgspec

from monolith_core import MonolithError, PermanentError, TemporaryError
from monolith_plugins_rest.answers import Answer

_SURELY_EXACT = 16
"""Characters of a number that a float has for sure."""
_PLACE = re.compile(r" \(byte (\d+)\)")
_NO_NUMBER = re.compile(rb"-?(?:NaN|Infinity)")


def _number(text: str) -> float | Decimal:
    """A float if it is exactly what was written, in its shortest form or a longer one; otherwise a decimal."""
    value = float(text)
    if (len(text) > _SURELY_EXACT or not isfinite(value) or value == 0) and Decimal(repr(value)) != Decimal(text):
        return Decimal(text)
    return value


_decode = msgspec.json.Decoder(float_hook=_number).decode


def decode(answer: Answer, *, charset: str = "utf-8", nan: Literal["error", "null"] = "error") -> Any:
    """The value of an answer's JSON; numbers keep all their digits, NaN is kept if it is to become null.

    Raises PermanentError, or TemporaryError for an answer that ends too early.
    """
    body = _utf8(answer, charset)
    if not body.strip():
        raise TemporaryError(f"{answer.asked} {answer.says()} and no content, expected JSON")
    if body.lstrip()[:1] == b"<":
        raise PermanentError(f"{answer.asked} {answer.says()}, expected JSON; it begins: {answer.excerpt()}")
    try:
        return _decode(body)
    except RecursionError:
        raise PermanentError(
            f"{answer.asked}: the answer is nested too deep to be read; it begins: {answer.excerpt()}"
        ) from None
    except (msgspec.MsgspecError, ValueError) as error:
        if "utf-8" in str(error).lower():  # a UnicodeDecodeError; from msgspec 0.23 on an error of its own
            raise _not_utf8(answer) from None
        if nan == "null" and _NO_NUMBER.search(body):
            return _with_nan(answer, body)
        raise _malformed(answer, body, str(error)) from None


def _utf8(answer: Answer, charset: str) -> bytes:
    """The body in UTF-8, without a byte-order mark."""
    body = answer.body.removeprefix(codecs.BOM_UTF8)
    if codecs.lookup(charset).name == "utf-8":
        if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise PermanentError(f"{answer.asked}: the answer is UTF-16, expected UTF-8; add charset = utf-16")
        return body
    try:
        return body.decode(charset).encode()
    except UnicodeError as error:
        raise PermanentError(
            f"{answer.asked}: the answer is not {charset}, as the option charset says: {error}; "
            f"it begins: {answer.excerpt()}"
        ) from None


def _not_utf8(answer: Answer) -> MonolithError:
    # The decoder counts within one text of the JSON, or not at all, so the place is looked for again.
    place = 0
    try:
        answer.body.decode()
    except UnicodeDecodeError as error:
        place = error.start
    named = re.search(r"charset=\"?([\w.:-]+)", answer.headers.get("content-type", ""), re.IGNORECASE)
    other = named[1] if named and named[1].lower().replace("_", "-") not in ("utf-8", "utf8") else "latin-1"
    return PermanentError(
        f"{answer.asked}: the answer is not UTF-8, at byte {place}: {answer.excerpt(place)}; "
        f"if that is how it is written, add charset = {other}"
    )


def _with_nan(answer: Answer, body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise _malformed(answer, body, str(error)) from None


def _is_whole(body: bytes) -> bool:
    """Whether Python's own decoder reads it: it takes half of a surrogate pair, which msgspec takes for a cut text."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _malformed(answer: Answer, body: bytes, reason: str) -> MonolithError:
    if "truncated" in reason:
        if _is_whole(body):
            return PermanentError(
                f"{answer.asked}: the answer has half of a surrogate pair (\\ud800), which is no text"
            )
        return TemporaryError(
            f"{answer.asked} {answer.says()}, but its JSON ends too early, after {len(answer.body)} bytes; "
            f"it begins: {answer.excerpt()}"
        )
    place = _PLACE.search(reason)
    at = int(place[1]) if place is not None else 0
    if _NO_NUMBER.match(body, at) or _NO_NUMBER.match(body, max(0, at - 1)):
        return PermanentError(
            f"{answer.asked}: the answer has a number that JSON has not, at byte {at}: {answer.excerpt(at)}; "
            "add nan = null to have null in its place"
        )
    why = _PLACE.sub(rf" at byte {at}", reason.removeprefix("JSON is malformed: "))
    shown = f"there is: {answer.excerpt(at)}" if at > 200 else f"it begins: {answer.excerpt()}"
    return PermanentError(f"{answer.asked} {answer.says()}, expected JSON, but {why}; {shown}")
