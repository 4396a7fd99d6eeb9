"""The environment of a process whose coverage is not measured: it has much to do, in lines that others cover."""

from __future__ import annotations

import os


def unmeasured(**variables: str) -> dict[str, str]:
    """This process's environment without what makes a Python that is started with it measure its coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")} | variables
