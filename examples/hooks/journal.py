"""A hook plugin: a journal with a line of JSON for each day that a run changed, or could not change."""

import json
from typing import Any

from monolith_core import BesidePath, Context, PartitionFinished, PluginOptions, Run, hookimpl


class JournalOptions(PluginOptions):
    """The options of its section."""

    path: BesidePath
    """The file that the lines are added to, such as journal.jsonl."""


class Journal:
    """Collects while a run goes on, and writes when it is over: a hook must be quick."""

    Options = JournalOptions

    def __init__(self, options: JournalOptions, context: Context) -> None:
        self.options = options
        self.context = context
        self._lines: list[str] = []

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        """Keep what became of a day, unless it was as it is."""
        if event.outcome != "unchanged":
            day, source = event.partition.date.isoformat(), event.partition.source
            line = {"day": day, "source": source, "outcome": event.outcome, "records": event.digest.count}
            self._lines.append(json.dumps(line) + "\n")

    @hookimpl
    def run_finished(self, run: Run, report: dict[str, Any]) -> None:
        """Add the lines to the file."""
        with self.options.path.open("a", encoding="utf-8") as file:
            file.writelines(self._lines)
        self._lines.clear()
