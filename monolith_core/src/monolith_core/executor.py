"""The contract of executors, which decide where a source is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from monolith_core.options import ExecutorOptions
from monolith_core.partition import Window
from monolith_core.plugin import CONTRACT, Context, Yielded


@dataclass(frozen=True)
class WindowTask:
    """One window to be asked of one source: everything that is needed to do it anywhere.

    `config` is the configuration's file, `phase` and `source` are ids in it, `known` are the versions that are known of
    the window's days (see `Note`). `ask` asks the source that is set up in this process; elsewhere `run_window` does
    the same from the other members.
    """

    config: Path
    phase: str
    source: str
    window: Window
    known: Mapping[dt.date, str] = field(default_factory=dict)
    ask: Callable[[], Iterable[Yielded] | AsyncIterable[Yielded]] = field(default=tuple, repr=False, compare=False)


class Executor:
    """Has windows asked, here or elsewhere; subclass it and define `extract`.

    The entry point group is `monolith.executors`; `local` asks in this process. One object is made for a phase. It is
    set up once before the phase and closed once after it, also when `setup` fails.
    """

    Options: ClassVar[type[ExecutorOptions]] = ExecutorOptions
    contract: ClassVar[int] = CONTRACT

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    def setup(self) -> None:
        """Open what is needed; called once before the phase, in a worker thread, while other plugins are set up too.

        It has `timeout` seconds in all. An error leaves out every source that names this executor.
        """

    def close(self) -> None:
        """Release what is open and end what still runs elsewhere; the same holds of it as of `Source.close`."""

    def extract(self, task: WindowTask) -> Iterable[Yielded] | AsyncIterable[Yielded]:
        """Yield what the source yields for the window, wherever it is asked, and raise what it raises.

        Called in a worker thread, for several sources and windows at once. A generator is run in that thread, an
        asynchronous one in the trio loop. When the window is given up (idle for longer than the source's `timeout`, the
        run stops), the generator is closed or cancelled: end what runs elsewhere then. After a `TemporaryError` it is
        called again with the same task.
        """
        raise NotImplementedError(f"{type(self).__name__} must define extract(task)")


__all__ = ["Executor", "WindowTask"]
