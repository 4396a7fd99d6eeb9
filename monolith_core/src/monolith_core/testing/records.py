"""Invented records, for properties that hold of any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
    | st.sampled_from(["", " ", " two  words ", "Größe", "\u2028", "\U0001f600", "0", "1e5", "null", "\x00"])
)


def json_objects() -> st.SearchStrategy[Mapping[str, Any]]:
    """Any JSON object, not too large."""
    values = st.recursive(
        _SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=6
    )
    return st.dictionaries(_TEXT, values, max_size=5)
