"""The workshop: makes plugin objects as the engine makes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monolith_core.plugin import Connector, Context
from monolith_core.testing.options import options_of

NOTHING: Mapping[dt.date, str] = {}


class Workshop:
    """Makes objects of one plugin, for a section `name` with some options.

    `storage` is the open storage they are given, `folder` the folder of the configuration.
    """

    def __init__(
        self,
        plugin: type[Any],
        options: Mapping[str, Any],
        *,
        name: str,
        timezone: str,
        storage: Connector | None,
        folder: Path,
    ) -> None:
        self.plugin = plugin
        self.options = options
        self._folder = folder
        self._context = Context(id=name, timezone=ZoneInfo(timezone), storage=storage)

    def make(self, options: Mapping[str, Any] | None = None, *, known: Mapping[dt.date, str] = NOTHING) -> Any:
        """An object that is not set up; `options` replace those of the workshop, `known` are versions of days."""
        given = self.options if options is None else options
        model = options_of(self.plugin.Options, given, name=self._context.id, folder=self._folder)
        return self.plugin(model, replace(self._context, known=lambda day: known.get(day, "")))

    @contextmanager
    def open(
        self, options: Mapping[str, Any] | None = None, *, known: Mapping[dt.date, str] = NOTHING
    ) -> Iterator[Any]:
        """An object that is set up, and closed in the end, also when its setup fails."""
        plugin = self.make(options, known=known)
        try:
            plugin.setup()
            yield plugin
        finally:
            plugin.close()
