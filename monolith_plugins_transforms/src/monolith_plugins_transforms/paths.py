"""Paths: fields of a record's data, those of inner objects with dots: `user.address.city`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

MISSING: Any = object()
"""Stands for the value of a field that is not there."""


def _path(text: str) -> str:
    if not all(text.split(".")):
        raise ValueError(f"{text!r} is no field; expected a name such as price, or names with dots such as user.city")
    return text


Path = Annotated[str, AfterValidator(_path)]
Paths = Annotated[tuple[Path, ...], Field(min_length=1)]


def get(data: Mapping[str, Any], path: str) -> Any:
    """The value at a path, MISSING if it is not there. A field that has the whole path for its name comes first."""
    if path in data:
        return data[path]
    head, dot, rest = path.partition(".")
    inner = data.get(head)
    return get(inner, rest) if dot and isinstance(inner, Mapping) else MISSING


def without(data: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The data but for the field at a path; the same object if it is not there."""
    if path in data:
        return {name: value for name, value in data.items() if name != path}
    head, dot, rest = path.partition(".")
    inner = data.get(head)
    if not dot or not isinstance(inner, Mapping):
        return data
    less = without(inner, rest)
    return data if less is inner else {**data, head: less}


def replaced(data: Mapping[str, Any], path: str, value: Any) -> Mapping[str, Any]:
    """The data with another value at a path, which is made where it is not there."""
    head, dot, rest = path.partition(".")
    if not dot or path in data:
        return {**data, path: value}
    inner = data.get(head)
    return {**data, head: replaced(inner if isinstance(inner, Mapping) else {}, rest, value)}
