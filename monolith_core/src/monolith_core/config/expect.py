"""Expect: what an option's value may be, in words, from its field in the model."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from monolith_core.config.words import listed
from monolith_core.options import format_duration, parse_duration

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dt.date: "a day as YYYY-MM-DD",
    dt.datetime: "an instant as YYYY-MM-DD HH:MM:SS",
    ZoneInfo: "a time zone such as Europe/Madrid",
    Path: "a path",
    str: "text",
    SecretStr: "text",
}
_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class Shape:
    """The type of a field without `None` and `Annotated`, and everything that was annotated."""

    type: Any
    metadata: tuple[Any, ...] = field(default=())

    @property
    def is_list(self) -> bool:
        """Whether the value is several texts, separated by commas."""
        return get_origin(self.type) in _LISTS or self.type in _LISTS

    @property
    def is_mapping(self) -> bool:
        """Whether the option is written `NAME.KEY = VALUE`."""
        return get_origin(self.type) is dict or self.type is dict

    @property
    def is_secret(self) -> bool:
        """Whether the value, or what it is made of, must not be shown."""
        return SecretStr in (self.type, *get_args(self.type))

    @property
    def is_duration(self) -> bool:
        """Whether the value is written `10m`."""
        return any(isinstance(each, BeforeValidator) and each.func is parse_duration for each in self.metadata)


def shape(info: FieldInfo) -> Shape:
    """What a field's value is."""
    kind, metadata = _unwrapped(info.annotation)
    return Shape(kind, (*info.metadata, *metadata))


def item_shape(form: Shape) -> Shape:
    """What one value of a mapping is."""
    kind, metadata = _unwrapped((*get_args(form.type), Any)[1])
    return Shape(kind, metadata)


def _unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata += tuple(_flat(more))
        elif get_origin(annotation) in (Union, types.UnionType):
            kinds = [each for each in get_args(annotation) if each is not type(None)]
            if len(kinds) != 1:
                return annotation, metadata
            annotation = kinds[0]
        else:
            return annotation, metadata


def _flat(metadata: list[Any]) -> Iterator[Any]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from each.metadata
        else:
            yield each


def expectation(info: FieldInfo) -> str | None:
    """`a whole number from 0 to 100`; None if the field's type has no name that a person knows."""
    form = shape(info)
    return _expected(item_shape(form) if form.is_mapping else form)


def _expected(form: Shape) -> str | None:
    if form.is_duration:
        return "a duration such as 30s, 10m or 3d" + _bounds(form, format_duration)
    if form.is_list:
        return "a list, separated by commas"
    if get_origin(form.type) is Literal:
        return listed(str(each) for each in get_args(form.type))
    if isinstance(form.type, type) and issubclass(form.type, Enum):
        return listed(str(each.value) for each in form.type)
    name = _WORDS.get(form.type)
    return name and name + _bounds(form, lambda number: f"{number:.15g}") + _length(form)


def _bounds(form: Shape, write: Callable[[Any], str]) -> str:
    limits = {name: limit for name in ("gt", "ge", "lt", "le") if (limit := _constraint(form, name)) is not None}
    if limits.keys() == {"ge", "le"} and not form.is_duration:
        return f" from {write(limits['ge'])} to {write(limits['le'])}"
    if "gt" in limits or (form.is_duration and limits.get("ge") == 0):
        limits.pop("ge", None)  # says no more than the other limit, or than every duration fulfils
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    text = " and ".join(f"{word} {write(limits[name])}" for name, word in words.items() if name in limits)
    return text and f", {text}"


def _constraint(form: Shape, name: str) -> Any:
    """The narrowest of a kind: a field may have one and its type another."""
    found = [getattr(each, name) for each in form.metadata if getattr(each, name, None) is not None]
    narrowest = min if name in ("le", "lt", "max_length") else max
    return narrowest(found) if found else None


def _length(form: Shape) -> str:
    least, most, pattern = (_constraint(form, name) for name in ("min_length", "max_length", "pattern"))
    lengths = ([f"at least {least}"] if (least or 0) > 1 else []) + ([f"at most {most}"] if most is not None else [])
    return (f" of {' and '.join(lengths)} characters" if lengths else "") + (f" like {pattern}" if pattern else "")


def example(info: FieldInfo) -> str | None:
    """A value that would be right, as it is written: the field's example, or its default."""
    if info.examples:
        return str(info.examples[0])
    given = None if info.is_required() else written(info.default, info)
    return given or ("2024-01-31" if shape(info).type is dt.date else None)


def default(info: FieldInfo) -> str | None:
    """The default of an option as it is written; None if there is none, or if it is secret."""
    return None if info.is_required() else written(info.get_default(call_default_factory=True), info)


def written(value: Any, info: FieldInfo) -> str | None:
    """A value of an option as it is written; None for one that is empty, secret, or has no text."""
    form = shape(info)
    if value is None or form.is_secret or form.is_mapping:
        return None
    if form.is_duration:
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if form.is_list:
        return ", ".join(map(str, value)) or None
    return str(value) or None if isinstance(value, str | int | float | dt.date | Path | ZoneInfo) else None
