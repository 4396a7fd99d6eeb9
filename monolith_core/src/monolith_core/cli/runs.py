"""`monolith runs`: what ran, how long, and how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monolith_core.cli.command import Command
from monolith_core.cli.parameters import config_argument, json_option

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monolith_core.storage import RunRow

_NOTHING = "no run yet"


@click.command("runs", cls=Command)
@config_argument
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many, newest first.")
@json_option
def runs(config: Path, limit: int, as_json: bool) -> None:
    """Show the last runs, and how they ended.

    A run ends as ok, incomplete (something failed or was held), interrupted (by a signal) or error; killed is one that
    did not live to say.
    """
    from monolith_core.cli.paint import say, say_json, table
    from monolith_core.cli.request import load
    from monolith_core.storage import Storage

    loaded = load(config)
    storage = Storage.open(loaded.monolith.database.get_secret_value(), migrate=False)
    try:
        found = storage.runs.recent(limit)
    finally:
        storage.close()
    if as_json:
        say_json([_as_dict(run) for run in found])
    elif not found:
        say(_NOTHING)
    else:
        for line in table(
            ["started", "took", "status", "phases", "partitions", "process", "error"],
            [_cells(run, loaded.monolith.timezone) for run in found],
            right=["took"],
        ):
            say(line)


def _as_dict(run: RunRow) -> dict[str, Any]:
    return {
        "run": run.id,
        "config": run.config,
        "phases": run.phases,
        "host": run.host,
        "pid": run.pid,
        "started": run.started.isoformat(),
        "finished": run.finished.isoformat() if run.finished else None,
        "seconds": _seconds(run),
        "status": run.status,
        "counts": dict(run.counts),
        "error": run.error,
    }


def _seconds(run: RunRow) -> float | None:
    return round((run.finished - run.started).total_seconds(), 3) if run.finished else None


def _cells(run: RunRow, zone: ZoneInfo) -> list[str]:
    from monolith_core.logs import took
    from monolith_core.report import summary

    seconds = _seconds(run)
    return [
        f"{run.started.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "" if seconds is None else took(max(seconds, 0)),
        run.status,
        ", ".join(run.phases),
        summary(run.counts) if run.finished else "",
        f"{run.host} {run.pid}",
        run.error,
    ]
