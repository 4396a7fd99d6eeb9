"""One run at an instant that is given, in a process of its own: `python -m support.whole_run CONFIG NOW`.

It may be killed at a fault point.
"""

from __future__ import annotations

import datetime as dt
import sys

import trio

from monolith_core.config import load_config
from monolith_core.runner import Request, run
from support.engine import hooks_with


def main(config: str, now: str) -> None:
    """Run everything that is due."""
    instant = dt.datetime.fromisoformat(now)

    async def go() -> None:
        await run(load_config(config), Request(), hooks_with(), now=lambda: instant)

    trio.run(go)


if __name__ == "__main__":
    main(*sys.argv[1:])
