"""The descriptions of options, read from their models' source only where somebody wants to see them.

Pydantic's `use_attribute_docstrings` would read it at every start: a tenth of the hourly run.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import textwrap
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def described(model: type[Model]) -> type[Model]:
    """The model itself; a field without a description has the docstring below it as one from now on."""
    for base in model.__mro__:
        for name, text in _docstrings(base).items() if issubclass(base, BaseModel) else ():
            info = model.model_fields.get(name)
            if info is not None and info.description is None:
                info.description = text
    model.model_rebuild(force=True)
    return model


@functools.cache
def _docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """The docstring below each attribute; empty for a class whose source is not there."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    statements = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
