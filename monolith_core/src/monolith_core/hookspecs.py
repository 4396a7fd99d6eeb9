"""The lifecycle hooks, pluggy's group `monolith`: synchronous, few, and no data goes through them.

A run calls them in its main thread, one after the other, in the order in which things happen; within a phase what
happens to different sources mixes. Until a hook comes back nothing else of the run moves (no heartbeat of a lease, no
timeout): be quick, and give what is slow to a thread of your own that `run_finished` waits for. A hook that raises is
reported with its plugin's name and changes nothing else: the run, its exit status and the other plugins go on. A hook
is never cancelled.
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
"""Marks a function or a method as the implementation of the hook of its name; it takes the arguments that it needs."""


class Hooks:
    """Every hook there is."""

    @hookspec
    def run_started(self, run: Run) -> None:
        """A run begins; called once, first of all, when the storage is open."""

    @hookspec
    def run_finished(self, run: Run, report: dict[str, Any]) -> None:
        """A run is over; called once, last of all, also when it failed or was stopped; not when it was killed.

        `report` is what `--report` writes.
        """

    @hookspec
    def phase_started(self, phase: str) -> None:
        """A phase begins; called before its plugins are made."""

    @hookspec
    def phase_finished(self, event: PhaseFinished) -> None:
        """A phase is over; called after its plugins were closed."""

    @hookspec
    def source_planned(self, event: SourcePlanned) -> None:
        """A source holds its lease, and what is due of it is known; called once for a source in a phase."""

    @hookspec
    def source_skipped(self, event: SourceSkipped) -> None:
        """A source is left out of a phase, or of the rest of it: another run works on it, or it failed as a whole."""

    @hookspec
    def window_started(self, event: WindowStarted) -> None:
        """A source is asked for a window; called again for each part of one that is divided, not for a retry."""

    @hookspec
    def window_progress(self, event: WindowProgress) -> None:
        """A source has yielded some more records; a few times a second at most."""

    @hookspec
    def partition_finished(self, event: PartitionFinished) -> None:
        """A partition is done, failed, held or deferred in one target; called once for each that was due.

        What it tells is in the ledger already. Of one that is left undone, because the run stopped, it is told at the
        end of the source.
        """

    @hookspec
    def purged(self, event: Purged) -> None:
        """A source was purged of what every target holds as final, or could not be; called once a window."""

    @hookspec
    def retry(self, event: Retry) -> None:
        """A temporary error is going to be tried again; called before the wait."""

    @hookspec
    def register_commands(self, group: click.Group) -> None:
        """Add commands to `monolith`; called once in the main thread, without a run.

        That is when a command is asked for that is not monolith's own, and for `monolith --commands`. It is asked of
        every installed hook plugin, whether a configuration names it or not; of a class with options the object is not
        initialised, so that it finds none in `self`. A command with the name of one of monolith's own is left out;
        after an error the other commands work, with a warning.
        """
