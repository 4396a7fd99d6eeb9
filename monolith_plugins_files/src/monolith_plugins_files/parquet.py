"""Parquet: pyarrow, which is loaded when it is first used."""

from __future__ import annotations

from typing import Any

from monolith_core import PermanentError


def pyarrow() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`; raises PermanentError if they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise PermanentError(
            "Parquet needs a package that is not installed; pip install 'monolith-plugin-files[parquet]'"
        ) from None
    return pyarrow, pyarrow.parquet
