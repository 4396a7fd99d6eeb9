"""Options as a test writes them, checked as those of a configuration are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from monolith_core.config.expand import Value
from monolith_core.config.reader import plain
from monolith_core.config.validate import Schema
from monolith_core.options import PluginOptions

Model = TypeVar("Model", bound=PluginOptions)


def options_of(
    model: type[Model], given: Mapping[str, Any], *, name: str = "plugin", folder: Path | None = None
) -> Model:
    """The options of a section `name` in a configuration in `folder` (default: the present one).

    Each is named as it is written there (`max-shrink`, `param.colour`), with `_` for `-` if you like. Text is read as a
    configuration's text is; other values are taken as they are. Raises pydantic's ValidationError.
    """
    schema = Schema(model)
    texts = {plain(key): Value(text, 0, "", key) for key, text in given.items() if isinstance(text, str)}
    values = schema.raw(texts)
    for key, value in given.items():
        if not isinstance(value, str):
            written = plain(key)
            values[schema.fields[written][0] if written in schema.fields else written] = value
    context = {"here": folder or Path.cwd(), "id": name}
    return model.model_validate(values, context=context)
