"""A runner for one window: what a run does with a source until its answer is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from monolith_core.executor import WindowTask
from monolith_core.partition import Partition, Window
from monolith_core.plugin import Source, StagedRecord
from monolith_core.runner.extraction import extract
from monolith_core.runner.local import local
from monolith_core.stage import Stage, StagedPartition


class Answer:
    """The complete answer to a window, as targets would be given it."""

    def __init__(self, window: Window, partitions: dict[Partition, StagedPartition]) -> None:
        self.window = window
        self.partitions = partitions
        self.records: dict[Partition, list[StagedRecord]] = {
            partition: sorted(staged) for partition, staged in sorted(partitions.items())
        }

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))


def ask(source: Source, window: Window, *, timeout: float = 60.0) -> Answer:
    """The answer of a source that is set up to a window, staged as in a run.

    Raises what a run would tell of it: a MonolithError in any case. It runs trio's loop, so it cannot be called in one.
    """
    with asked(source, window, timeout=timeout) as (_, partitions):
        return Answer(window, partitions)


@contextmanager
def asked(
    source: Source, window: Window, *, timeout: float = 60.0
) -> Iterator[tuple[Stage, dict[Partition, StagedPartition]]]:
    """The stage and the partitions of an answer, while they can be read."""

    async def stage_it() -> Stage:
        known = {day: source.context.known(day) for day in window.days()}
        task = WindowTask(Path(), "", source.context.id, window, known, ask=lambda: source.extract(window))
        return await extract(local(), task, timeout=timeout, nan=getattr(source.options, "nan", "error"))

    with trio.run(stage_it) as stage:
        yield stage, stage.finish()
