"""`monolith plan`: what is due, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monolith_core.cli.command import Command
from monolith_core.cli.parameters import (
    check_day_options,
    config_argument,
    day_options,
    json_option,
    sequence_option,
    source_option,
)

if TYPE_CHECKING:
    from monolith_core.config import Config
    from monolith_core.events import DueDay, SourcePlanned
    from monolith_core.runner import Request


@click.command("plan", cls=Command)
@config_argument
@sequence_option
@day_options
@source_option
@click.option("--force", is_flag=True, help="Plan as if --force were given to monolith-extract.")
@click.option("--summary", is_flag=True, help="One line for consecutive days with the same reason.")
@json_option
def plan(
    config: Path,
    sequence: str | None,
    date: str | None,
    start_date: str | None,
    end_date: str | None,
    sources: tuple[str, ...],
    force: bool,
    summary: bool,
    as_json: bool,
) -> None:
    """Show what is due, and why.

    Each partition that monolith-extract would ask for now is a line, with its reason. Nothing is written, and no
    source is asked for records. A later phase is planned on what the earlier ones have
    written so far.
    """
    check_day_options(date, start_date, end_date)
    from monolith_core.cli.request import load, make_request

    loaded = load(config, sequence)
    request = make_request(loaded, date, start_date, end_date, sources, force=force)
    show_plan(loaded, request, summary=summary, as_json=as_json)


def show_plan(config: Config, request: Request, *, summary: bool = False, as_json: bool = False) -> None:
    """Print the plan of a request."""
    from monolith_core.cli.paint import say, say_json, table
    from monolith_core.cli.request import waiting
    from monolith_core.runner import plan as make_plan

    planned = make_plan(config, request)
    if as_json:
        say_json([_as_dict(each, due) for each in planned for due in each.due])
        return
    rows = list(_ranges(planned) if summary else _days(planned))
    header = ["phase", "source", "days" if summary else "day", "target", "reason"]
    for line in table(header, rows) if rows else ["nothing is due"]:
        say(line)
    for line in waiting(config, request):
        say(line)


def _as_dict(planned: SourcePlanned, due: DueDay) -> dict[str, Any]:
    return {
        "phase": planned.phase,
        "via": planned.source,
        "source": due.partition.source,
        "target": due.target,
        "date": due.partition.date.isoformat(),
        "reason": due.reason,
    }


def _days(planned: Iterable[SourcePlanned]) -> Iterator[list[str]]:
    for each in planned:
        for due in each.due:
            yield [each.phase, due.partition.source, due.partition.date.isoformat(), due.target, due.reason]


def _ranges(planned: Iterable[SourcePlanned]) -> Iterator[list[str]]:
    from monolith_core.logs import ranges

    def kind(due: DueDay) -> tuple[str, str, str]:
        return due.partition.source, due.target, due.reason

    for each in planned:
        found = [
            (start, end, names)
            for names, group in groupby(sorted(each.due, key=kind), kind)
            for start, end in ranges(due.partition.date for due in group)
        ]
        for start, end, (source, target, reason) in sorted(found, key=lambda row: row[1], reverse=True):
            days = f"{start}" if start == end else f"{start}..{end}"
            yield [each.phase, source, days, target, reason]
