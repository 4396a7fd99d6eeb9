"""Output: what plugins write to standard output goes to the log; a report, or the log itself, may be written there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from monolith_core.blame import acting, nobody

log = logging.getLogger("monolith.run")


class _Guarded:
    """Standard output, as far as no plugin is acting."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told: set[str] = set()

    def write(self, text: str) -> int:
        plugin = acting()
        if not plugin:
            return self._out.write(text)
        if text.strip():
            with nobody():  # the log may go to standard output
                self._tell(plugin, text.strip())
        return len(text)

    def _tell(self, plugin: str, text: str) -> None:
        if plugin in self._told:
            log.debug("%s wrote to standard output: %s", plugin, text)
            return
        self._told.add(plugin)
        log.warning("%s wrote to standard output, which is the command's; let it use context.log: %s", plugin, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


@contextmanager
def output_guarded() -> Iterator[None]:
    """Keep plugins from writing to standard output."""
    out = sys.stdout
    sys.stdout = _Guarded(out)
    try:
        yield
    finally:
        sys.stdout = out
