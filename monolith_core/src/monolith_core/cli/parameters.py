"""Parameters that several commands have, and what a shell completes for them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from monolith_core.days import DayRange

WORDS = ("today", "yesterday", "last-week", "last-month", "last-year")
"""What `--date` understands beside days."""

F = TypeVar("F", bound=Callable[..., Any])

_SECTION = re.compile(r"^\s*\[(source|target|phase|sequence):\s*([^\]]+?)\s*\]", re.MULTILINE)


def sections(context: click.Context, *kinds: str) -> Iterator[str]:
    """The ids of the sections of the configuration that is named on the command line; none if it cannot be read."""
    # An option that still lacks its value leaves what came before it unparsed.
    given = context.params.get("config")
    for path in (*([given] if given else []), *context.args):
        with suppress(OSError):
            text = Path(path).read_text(encoding="utf-8", errors="replace")
            break
    else:
        return
    yield from dict.fromkeys(name for kind, name in _SECTION.findall(text) if kind in kinds)


def complete(*kinds: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Completes ids of sections; of a list with commas its last item."""

    def completing(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{name}") for name in sections(context, *kinds) if name.startswith(last)]

    return completing


config_argument = click.argument("config", type=click.Path(path_type=Path))

source_option = click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="ID",
    shell_complete=complete("source"),
    help="Only partitions of this source; may be given several times.",
)

sequence_option = click.option(
    "--sequence",
    metavar="PHASE,...",
    shell_complete=complete("phase", "sequence"),
    help="Phases, or sequences, to run instead of the configured ones.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def day_options(command: F) -> F:
    """Add `--date`, `--start-date` and `--end-date`."""
    for option in (
        click.option("--end-date", metavar="DAY", help="Last of several days, YYYY-MM-DD; default: today."),
        click.option("--start-date", metavar="DAY", help="First of several days, YYYY-MM-DD."),
        click.option(
            "--date",
            metavar="DAY",
            shell_complete=lambda context, parameter, incomplete: [
                CompletionItem(word) for word in WORDS if word.startswith(incomplete)
            ],
            help=f"Only these days: {', '.join(WORDS)}, or YYYY-MM-DD, in the configured time zone.",
        ),
    ):
        command = option(command)
    return command


def check_day_options(date: str | None, start: str | None, end: str | None) -> None:
    """Raises UsageError for options that exclude each other."""
    if date is not None and (start is not None or end is not None):
        raise click.UsageError("--date excludes --start-date and --end-date; give one or the other")
    if end is not None and start is None:
        raise click.UsageError("--end-date needs --start-date; add it, or give --date for a single day")


def chosen_days(date: str | None, start: str | None, end: str | None, today: dt.date, zone: str) -> DayRange | None:
    """The days that the options name, None if they name none; raises UsageError for what is no day, or a future one.

    `today` is the day in the time zone `zone`.
    """
    check_day_options(date, start, end)
    if date is None and start is None:
        return None
    from monolith_core.days import parse_days, parse_range

    try:
        if date is not None:
            return parse_days(date, today)
        assert start is not None
        return parse_range(start, end, today)
    except ValueError as error:
        name = "--date" if date is not None else "--start-date/--end-date"
        raise click.UsageError(f"{name}: {error} (days are counted in {zone})") from None


def names(text: str | None) -> tuple[str, ...] | None:
    """The items of a list with commas; None if the option was not given."""
    if text is None:
        return None
    return tuple(item for each in text.split(",") if (item := each.strip()))
