"""The executor `local`: asks a source in this process."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from zoneinfo import ZoneInfo

from monolith_core.executor import Executor, WindowTask
from monolith_core.plugin import Context, Yielded


class LocalExecutor(Executor):
    """Asks in this process: blocking sources in worker threads, asynchronous ones in the trio loop."""

    def extract(self, task: WindowTask) -> Iterable[Yielded] | AsyncIterable[Yielded]:
        """What the source yields."""
        return task.ask()


def local() -> LocalExecutor:
    """The one that needs no section of the configuration."""
    return LocalExecutor(LocalExecutor.Options(), Context(id="local", timezone=ZoneInfo("UTC")))
