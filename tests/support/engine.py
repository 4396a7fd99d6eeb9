"""Sources, targets and configurations for tests of the engine, without files and entry points."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pluggy

from monolith_core.config import Config, MonolithOptions, PhaseConfig, PluginConfig
from monolith_core.events import PartitionFinished
from monolith_core.hookspecs import GROUP, Hooks, hookimpl
from monolith_core.options import SourceOptions, TargetOptions
from monolith_core.partition import Digest, Partition, Window
from monolith_core.plugin import Source, StagedRecord, Target, Written
from monolith_core.record import Record
from monolith_core.runner import Request, run

NOW = dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)


class Table:
    """What a source has: the data of each day. `asked` are the windows it was asked for."""

    def __init__(self, days: dict[dt.date, list[dict[str, Any]]] | None = None) -> None:
        self.days = days or {}
        self.asked: list[Window] = []
        self.before: Callable[[Window], None] = lambda window: None
        self.each: Callable[[dt.date], None] = lambda day: None


class TableSource(Source):
    """Yields a Table, set as the class attribute `table` by `source_of`."""

    table: Table

    def extract(self, window: Window) -> Iterable[Record]:
        self.table.asked.append(window)
        self.table.before(window)
        for day in window.days():
            self.table.each(day)
            for data in self.table.days.get(day, []):
                yield Record(day, "fact", data)


class Shelf:
    """What a target holds, and what was asked of it."""

    def __init__(self) -> None:
        self.held: dict[Partition, list[StagedRecord]] = {}
        self.calls: list[Partition] = []
        self.before: Callable[[Partition], None] = lambda partition: None
        self.after: Callable[[Partition], None] = lambda partition: None

    def counts(self) -> dict[str, int]:
        return {str(partition): len(records) for partition, records in sorted(self.held.items()) if records}


class ShelfTarget(Target):
    """Keeps partitions on a Shelf, set as the class attribute `shelf` by `target_of`."""

    shelf: Shelf

    def replace(self, partition: Partition, staged: Any) -> Written:
        self.shelf.calls.append(partition)
        self.shelf.before(partition)
        new = sorted(staged)
        staged.fence()
        old = self.shelf.held.get(partition, [])
        self.shelf.held[partition] = new
        self.shelf.after(partition)
        kept = len(set(old) & set(new))
        return Written(len(new) - kept, len(old) - kept, kept)


def source_of(table: Table, base: type[Source] = TableSource) -> type[Source]:
    return type("TableSource", (base,), {"table": table})


def target_of(shelf: Shelf) -> type[Target]:
    return type("ShelfTarget", (ShelfTarget,), {"shelf": shelf})


def section(kind: str, name: str, plugin: Any, **options: Any) -> PluginConfig:
    model: type[Any] = getattr(plugin, "Options", SourceOptions if kind == "source" else TargetOptions)
    given = {key.replace("_", "-"): value for key, value in options.items()}
    fingerprint = given.pop("fingerprint", f"{kind[0]}{name}".ljust(16, "0")[:16])
    return PluginConfig(
        kind=kind,
        id=name,
        use=name,
        options=model.model_validate(given),
        plugin=plugin,
        file="test.ini",
        line=1,
        fingerprint=fingerprint,
    )


def config_of(
    url: str,
    sources: dict[str, PluginConfig],
    targets: dict[str, PluginConfig],
    phases: list[PhaseConfig] | None = None,
    **monolith: Any,
) -> Config:
    phases = phases or [
        PhaseConfig(id="extract", sources=tuple(sources), targets=tuple(targets), on_failure="continue")
    ]
    given = {"database": url, "timezone": "UTC"} | {key.replace("_", "-"): value for key, value in monolith.items()}
    return Config(
        path=Path("test.ini"),
        monolith=MonolithOptions.model_validate(given),
        sources=sources,
        targets=targets,
        phases={phase.id: phase for phase in phases},
        sequences={},
        sequence=tuple(phase.id for phase in phases),
    )


class Recorder:
    """Hooks that keep what they are told."""

    def __init__(self) -> None:
        self.finished: list[PartitionFinished] = []
        self.told: list[tuple[str, Any]] = []

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        self.finished.append(event)

    @hookimpl
    def source_planned(self, event: Any) -> None:
        self.told.append(("planned", event))

    @hookimpl
    def source_skipped(self, event: Any) -> None:
        self.told.append(("skipped", event))

    @hookimpl
    def retry(self, event: Any) -> None:
        self.told.append(("retry", event))

    @hookimpl
    def phase_finished(self, event: Any) -> None:
        self.told.append(("phase", event))

    def outcomes(self, source: str | None = None) -> list[str]:
        """`day outcome` of each partition, in the order in which they finished."""
        return [
            f"{each.partition.date.day} {each.outcome}"
            for each in self.finished
            if source is None or each.partition.source == source
        ]


def hooks_with(*plugins: Any) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    for plugin in plugins:
        manager.register(plugin)
    return manager


async def go(config: Config, now: dt.datetime = NOW, **request: Any) -> Recorder:
    """Run a configuration; what its hooks were told."""
    recorder = Recorder()
    recorder.report = await run(config, Request(**request), hooks_with(recorder), now=lambda: now)  # type: ignore[attr-defined]
    return recorder


def digest_of(shelf: Shelf, partition: Partition) -> Digest:
    return Digest.of(b"".join(record.id for record in shelf.held[partition]))
