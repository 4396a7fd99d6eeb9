"""The lifecycle hooks, pluggy's group `monolith`: synchronous, few, and no data goes through them.

A hook that raises is reported with its plugin's name and changes nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from monolith_core.events import (
    PartitionFinished,
    PhaseFinished,
    Purged,
    Retry,
    Run,
    SourcePlanned,
    SourceSkipped,
    WindowProgress,
    WindowStarted,
)

if TYPE_CHECKING:
    import click

GROUP = "monolith"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Hooks:
    """Every hook there is."""

    @hookspec
    def run_started(self, run: Run) -> None:
        """A run begins."""

    @hookspec
    def run_finished(self, run: Run, report: dict[str, Any]) -> None:
        """A run is over; `report` is what `--report` writes."""

    @hookspec
    def phase_started(self, phase: str) -> None:
        """A phase begins."""

    @hookspec
    def phase_finished(self, event: PhaseFinished) -> None:
        """A phase is over."""

    @hookspec
    def source_planned(self, event: SourcePlanned) -> None:
        """A source holds its lease, and what is due of it is known."""

    @hookspec
    def source_skipped(self, event: SourceSkipped) -> None:
        """A source is left out of a phase."""

    @hookspec
    def window_started(self, event: WindowStarted) -> None:
        """A source is asked for a window."""

    @hookspec
    def window_progress(self, event: WindowProgress) -> None:
        """A source has yielded some more records; a few times a second at most."""

    @hookspec
    def partition_finished(self, event: PartitionFinished) -> None:
        """A partition is done, failed, held or deferred in one target."""

    @hookspec
    def purged(self, event: Purged) -> None:
        """A source was purged of what every target holds as final, or could not be."""

    @hookspec
    def retry(self, event: Retry) -> None:
        """A temporary error is going to be tried again."""

    @hookspec
    def register_commands(self, group: click.Group) -> None:
        """Add commands to `monolith`."""
