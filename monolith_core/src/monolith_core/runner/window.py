"""One window as a function of the configuration's file, the source and the window: for executors that ask elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, closing, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import trio

from monolith_core.blame import plain_errors
from monolith_core.config import Config, PluginConfig, load_config
from monolith_core.executor import WindowTask
from monolith_core.plugin import Source, Yielded
from monolith_core.runner.opened import make_context
from monolith_core.runner.planning import held
from monolith_core.storage import Storage


def run_window(task: WindowTask, take: Callable[[Yielded], object]) -> None:
    """Ask the source of a task for its window, from nothing but the task, and call `take` with all that it yields.

    For an executor: in another process, or on another host that has the same plugins and the configuration's file. The
    source is made, set up, asked and closed; its transforms come later, where the answer is staged. It takes a task
    that was sent there without `ask`. Raises what the source raises, and ConfigurationError.
    """
    config = load_config(task.config)
    storage = Storage.open(config.monolith.database.get_secret_value(), migrate=False)
    with closing(storage), _opened(config, config.sources[task.source], storage, task.known) as source:
        answer = source.extract(task.window)
        if hasattr(answer, "__aiter__"):
            trio.run(iterate_in_loop, answer, take)
        else:
            iterate(answer, take)


@contextmanager
def _opened(config: Config, section: PluginConfig, storage: Storage, known: Mapping[Any, str]) -> Iterator[Source]:
    context = make_context(
        section, config.monolith.timezone, storage, lambda window: held(config, section, storage, window)
    )
    with plain_errors(section):
        source: Source = section.plugin(section.options, replace(context, known=lambda day: known.get(day, "")))
        try:
            source.setup()
            yield source
        finally:
            source.close()


def iterate(answer: Any, take: Callable[[Yielded], object]) -> None:
    """Call `take` with each record of a blocking answer, and close it."""
    with closing(answer) if hasattr(answer, "close") else nullcontext(answer) as records:
        for record in records:
            take(record)


async def iterate_in_loop(answer: Any, take: Callable[[Yielded], object]) -> None:
    """Call `take` with each record of an asynchronous answer, and close it."""
    async with aclosing(answer) if hasattr(answer, "aclose") else nullcontext(answer) as records:
        async for record in records:
            take(record)
