"""JMESPath: expressions that pick what is wanted from an answer (https://jmespath.org/specification.html)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from monolith_core import PermanentError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Pick = Callable[[Any], Any]
"""What an expression finds in a value; None if it finds nothing."""


def check_expression(text: str) -> str:
    """`text`; raises ValueError if it is no JMESPath."""
    from jmespath import compile as parse
    from jmespath.exceptions import ParseError

    try:
        parse(text)
    except ParseError as error:
        reason = str(error).partition(":")[0] if not error.msg else error.msg
        raise ValueError(f"{text!r} is no JMESPath: {' '.join(reason.split())}; see https://jmespath.org") from None
    except Exception as error:
        raise ValueError(f"{text!r} is no JMESPath: {' '.join(str(error).split())}; see https://jmespath.org") from None
    return text


def picker(option: str, text: str) -> Pick:
    """The function that applies an expression, the value of `option`; it raises PermanentError where that fails."""
    if _NAME.fullmatch(text):
        return lambda value: value.get(text) if isinstance(value, dict) else None
    from jmespath import compile as parse
    from jmespath.exceptions import JMESPathError

    search = parse(text).search

    def pick(value: Any) -> Any:
        try:
            return search(value)
        except JMESPathError as error:
            raise PermanentError(f"{option} = {text} cannot be applied: {' '.join(str(error).split())}") from None

    return pick
