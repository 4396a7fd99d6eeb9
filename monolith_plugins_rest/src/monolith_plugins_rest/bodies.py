"""Bodies: what is sent with a request: whether it is what it says, and setting a field in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

from monolith_core import canonical

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


def media_type(header: str | None) -> str:
    """The media type that a header Content-Type names, without its parameters; JSON if there is no such header."""
    return JSON if header is None else header.partition(";")[0].strip().lower()


def check_json(body: str, header: str | None) -> None:
    """Raise ValueError for a body that is not the JSON that it is sent as."""
    kind = media_type(header)
    if kind != JSON and not kind.endswith("+json"):
        return
    try:
        msgspec.json.decode(body.encode())
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"{error}; mend it, or say with header.Content-Type what else it is") from None


def setter(header: str | None) -> Callable[[bytes, str, Any], bytes]:
    """The function that gives a body, `header` being its Content-Type, with the field of a name set to a value.

    Raises ValueError if it is neither JSON nor a form.
    """
    kind = media_type(header)
    if kind == FORM:
        return with_entry
    if kind == JSON or kind.endswith("+json"):
        return with_field
    raise ValueError(f"{kind or 'nothing'}, expected {JSON} or {FORM}")


def with_field(body: bytes, path: str, value: Any) -> bytes:
    """An object of JSON with a field set; dots lead into objects in it, which are made where there are none.

    Raises ValueError if the body is no object, or something else is in the way.
    """
    try:
        whole = _object(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"an object of JSON is needed for {path}: {error}") from None
    *outer, name = path.split(".")
    inner = whole
    for each in outer:
        inner = inner.setdefault(each, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{each} is no object, so there is no {path} in it")
    inner[name] = value
    return canonical(whole)


def with_entry(body: bytes, name: str, value: Any) -> bytes:
    """A form with an entry in place of any of that name; the rest stays as it was written."""
    entries = [each for each in body.decode().split("&") if each and unquote_plus(each.partition("=")[0]) != name]
    return "&".join([*entries, f"{quote(name, safe='')}={quote(str(value), safe='')}"]).encode()
