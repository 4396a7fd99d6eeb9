"""Sample: a section of a plugin to begin with, and the JSON schema of such a section."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from monolith_core.config.expect import Shape, default, example, expectation, item_shape, shape
from monolith_core.options import PluginOptions
from monolith_core.registry import Kind

_VALUES: dict[type, str] = {bool: "true", int: "1", float: "1"}
"""What is written for a type where its option gives no example."""

_ABOUT = ("title", "description", "examples")
"""What the schema of any option keeps."""


def ordered(model: type[PluginOptions]) -> list[tuple[str, FieldInfo]]:
    """The options of a model as they are written: what is needed, the rest of its own, what every such plugin has."""
    ours = [base for base in model.__mro__ if base.__module__ == PluginOptions.__module__]
    common = {name for base in ours if issubclass(base, PluginOptions) for name in base.model_fields}
    fields = sorted(model.model_fields.items(), key=lambda each: (not each[1].is_required(), each[0] in common))
    return [((info.alias or name) + (".NAME" if shape(info).is_mapping else ""), info) for name, info in fields]


def sample_section(kind: Kind, name: str, model: type[PluginOptions]) -> Iterator[str]:
    """The lines of a section that a configuration can have: first what is needed, then the rest as comments.

    What is needed are the required options, and those of the model's first example (`examples` in the
    `json_schema_extra` of its `model_config`), for a model that wants one of several. What is
    deprecated is left out.
    """
    yield f"[{kind}:example]"
    yield f"use = {name}"
    given = _example(model)
    apart = {*given, *model.deprecated}
    rest = [(option, info) for option, info in ordered(model) if option.removesuffix(".NAME") not in apart]
    yield from (f"{option} = {_value(option, info)}" for option, info in rest if info.is_required())
    yield from (f"{option} = {_text(value)}" for option, value in given.items())
    yield from (f"; {option} = {default(info) or ''}".rstrip() for option, info in rest if not info.is_required())


def _example(model: type[PluginOptions]) -> Mapping[str, Any]:
    """The options of the first example, by the names they are written with."""
    extra = model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    first = examples[0] if isinstance(examples, list) and examples else {}
    return first if isinstance(first, dict) else {}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _value(option: str, info: FieldInfo) -> str:
    form = shape(info)
    return example(info) or _plausible(item_shape(form) if form.is_mapping else form, option)


def _plausible(form: Shape, option: str) -> str:
    """A value of a type; of a secret the environment variable that it may stand in."""
    if form.is_secret:
        return f"${{{option.upper().replace('-', '_').replace('.', '_')}}}"
    if form.is_duration:
        return "10m"
    if get_origin(form.type) is Literal:
        return str(get_args(form.type)[0])
    if isinstance(form.type, type) and issubclass(form.type, Enum):
        return str(next(iter(form.type)).value)
    return _VALUES.get(form.type, "...")


def json_schema(kind: Kind, name: str, model: type[PluginOptions]) -> dict[str, Any]:
    """The JSON schema of a section: pydantic's of its model, with the options as they are written.

    `NAME.KEY` options are pattern properties. A duration is a number of seconds or a text, a list an array of what
    commas separate, and what has a type of the plugin's own a text.
    """
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= model.model_json_schema(by_alias=True)
    schema["title"] = f"[{kind}:ID] with use = {name}"
    properties: dict[str, Any] = schema.setdefault("properties", {})
    patterns = {}
    for alias, info in [(info.alias or field, info) for field, info in model.model_fields.items()]:
        properties[alias] = _property(info, properties[alias])
        if alias in model.deprecated:
            properties[alias]["deprecated"] = True
        if shape(info).is_mapping:
            patterns[f"^{alias}\\."] = _of_each(properties.pop(alias))
    if patterns:
        schema["patternProperties"] = patterns
    properties["use"] = {"const": name, "description": "The plugin; default: the section's id."}
    if "#/$defs/" not in json.dumps(properties) + json.dumps(patterns):
        schema.pop("$defs", None)
    return schema


def _property(info: FieldInfo, one: dict[str, Any]) -> dict[str, Any]:
    about = {name: one[name] for name in _ABOUT if name in one}
    given = {"default": text} if (text := default(info)) is not None else {}
    if shape(info).is_duration:
        return {**about, **given, "type": ["number", "string"]}
    if expectation(info) is None and not shape(info).is_mapping:
        return {**about, **given, "type": "string"}
    return one


def _of_each(one: dict[str, Any]) -> dict[str, Any]:
    """The schema of each value of a mapping."""
    values = one.get("additionalProperties")
    about = {name: one[name] for name in ("description",) if name in one}
    return {**(values if isinstance(values, dict) else {}), **about}
