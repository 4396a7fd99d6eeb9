"""The plugins of a phase: made, set up before it, closed after it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import trio

from monolith_core.blame import plain_errors
from monolith_core.config import PluginConfig
from monolith_core.errors import MonolithError, PermanentError
from monolith_core.executor import Executor
from monolith_core.partition import Digest, Partition, Window
from monolith_core.plugin import Connector, Context, Source, Target
from monolith_core.runner.transforming import Named
from monolith_core.runner.watch import watched

log = logging.getLogger("monolith.run")

P = TypeVar("P", Source, Target, Executor)


@dataclass
class Opened(Generic[P]):
    """A plugin of a phase, or the error that kept it from starting.

    `known` are the versions of a source's days, once it is planned, `transforms` what changes its records. `at_once` is
    how many partitions of one source a target takes at once.
    """

    config: PluginConfig
    plugin: P | None = None
    error: MonolithError | None = None
    known: Mapping[dt.date, str] = field(default_factory=dict)
    transforms: list[Named] = field(default_factory=list)
    at_once: int = 1

    @property
    def id(self) -> str:
        """The section's id."""
        return self.config.id

    def version(self, day: dt.date) -> str:
        """The version that is known of a day, an empty text if none is."""
        return self.known.get(day, "")


def make_context(
    config: PluginConfig,
    timezone: Any,
    storage: Connector | None,
    held: Callable[[Window | None], Mapping[Partition, Digest] | None],
) -> Context:
    """The context a plugin is made with."""
    log = logging.getLogger(f"monolith.{config.kind}.{config.id}")
    return Context(id=config.id, timezone=timezone, storage=storage, held=held, log=log)


def make_transforms(config: PluginConfig, timezone: Any) -> list[Named]:
    """The transforms of a source, made."""
    made = []
    for each in config.transforms:
        with plain_errors(each):
            transform = each.plugin(each.options, make_context(each, timezone, None, lambda window: None))
        made.append(Named(str(each), transform))
    return made


async def open_plugin(opened: Opened[Any], context: Context) -> None:
    """Make a plugin and set it up, in a worker thread; an error is kept, not raised."""
    config = opened.config
    knowing = replace(context, known=opened.version)

    def start() -> None:
        with plain_errors(config):
            opened.plugin = config.plugin(config.options, knowing)
        opened.transforms = make_transforms(config, context.timezone)
        with plain_errors(config):
            opened.plugin.setup()
            opened.at_once = _at_once(config, opened.plugin)

    try:
        await watched(
            lambda: trio.to_thread.run_sync(start, abandon_on_cancel=True),
            timeout=config.options.timeout,
            stamp=lambda: 0,
            what=f"setup of {config}",
        )
    except MonolithError as error:
        opened.error = error


def _at_once(config: PluginConfig, plugin: Any) -> int:
    """How many partitions a target takes at once; one, if it does not say."""
    told = getattr(plugin, "at_once", 1)
    if not isinstance(told, int) or told < 1:
        raise PermanentError(f"{config} takes {told!r} partitions at once, expected a whole number from 1")
    return told


async def close_plugin(opened: Opened[Any]) -> None:
    """Close a plugin; an error is logged."""
    plugin = opened.plugin
    if plugin is None:
        return

    def end() -> None:
        with plain_errors(opened.config):
            plugin.close()

    try:
        with trio.move_on_after(30, shield=True) as scope:
            await trio.to_thread.run_sync(end, abandon_on_cancel=True)
        if scope.cancelled_caught:
            log.warning("%s did not close within 30s", opened.config)
    except MonolithError as error:
        log.warning("closing %s failed: %s", opened.id, error)
