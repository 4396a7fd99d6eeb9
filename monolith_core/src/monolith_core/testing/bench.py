"""A bench: whole runs of plugins that need neither a configuration file nor an entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy
import trio

from monolith_core.config import Config, MonolithOptions, PhaseConfig, PluginConfig
from monolith_core.config.fingerprint import fingerprint
from monolith_core.events import PartitionFinished
from monolith_core.hookspecs import GROUP, Hooks, hookimpl
from monolith_core.plugin import Source, Target
from monolith_core.runner import Request, run
from monolith_core.testing.clock import Clock
from monolith_core.testing.options import options_of
from monolith_core.urls import database_location


@dataclass
class Outcome:
    """What a run said: its report, and what became of each partition."""

    report: dict[str, Any]
    finished: list[PartitionFinished] = field(default_factory=list)

    def outcomes(self) -> dict[str, str]:
        """What became of each partition, by `source date`; the last word where there are several targets."""
        return {str(event.partition): event.outcome for event in self.finished}

    def errors(self) -> dict[str, str]:
        """The error of each partition that has one, by `source date`."""
        return {str(event.partition): event.error for event in self.finished if event.error}


class Bench:
    """One phase of some sources into some targets, run as often as you like on one storage.

    `url` is the storage's database, `clock` the run's clock. Further arguments are the options of `[monolith]`.
    """

    def __init__(self, url: str, clock: Clock | None = None, **monolith: Any) -> None:
        self.clock = clock or Clock()
        self._url = url
        self._monolith = options_of(MonolithOptions, {"database": url, **monolith})
        self._sections: dict[str, dict[str, PluginConfig]] = {"source": {}, "target": {}}

    def source(self, name: str, plugin: type[Source], **options: Any) -> None:
        """Have a source in the phase; one that is there already gets these options."""
        self._add("source", name, plugin, options)

    def target(self, name: str, plugin: type[Target], **options: Any) -> None:
        """Have a target in the phase; one that is there already gets these options."""
        self._add("target", name, plugin, options)

    def run(self, *hooks: object, **request: Any) -> Outcome:
        """Run the phase; `hooks` are hook plugins, `request` what a command line may ask for (`force=True`)."""
        outcome = Outcome({})
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(Hooks)
        for each in (_Recorder(outcome), *hooks):
            manager.register(each)

        async def go() -> None:
            report = await run(self._config(), Request(**request), manager, now=self.clock)
            outcome.report = report.as_dict()

        trio.run(go)
        return outcome

    def _add(self, kind: str, name: str, plugin: Any, options: Mapping[str, Any]) -> None:
        made = options_of(plugin.Options, options, name=name)
        mark = fingerprint(
            kind, name, made, storage=database_location(self._url), timezone=str(self._monolith.timezone)
        )
        self._sections[kind][name] = PluginConfig(
            kind=kind, id=name, use=name, options=made, plugin=plugin, file="bench", line=0, fingerprint=mark
        )

    def _config(self) -> Config:
        sources, targets = self._sections["source"], self._sections["target"]
        return Config(
            path=Path("bench.ini"),
            monolith=self._monolith,
            sources=sources,
            targets=targets,
            phases={"extract": PhaseConfig("extract", tuple(sources), tuple(targets))},
            sequences={},
            sequence=("extract",),
        )


class _Recorder:
    def __init__(self, outcome: Outcome) -> None:
        self._tell: Callable[[PartitionFinished], None] = outcome.finished.append

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        self._tell(event)
