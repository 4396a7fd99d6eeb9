"""`monolith-extract`: does what is due."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from monolith_core import __version__
from monolith_core.cli.command import Command, no_collection
from monolith_core.cli.parameters import (
    F,
    check_day_options,
    day_options,
    sequence_option,
    source_option,
)


class _Config(click.Argument):
    """The configuration's path, which `--list-plugins` does without."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """The path; None where none is needed."""
        return None if ctx.params.get("list_plugins") else super().process_value(ctx, value)


def _setting(name: str, least: int, most: int, text: str) -> Callable[[F], F]:
    """An option that stands above the same one of every section."""
    return click.option(name, type=click.IntRange(least, most), metavar="N", help=f"{text}; instead of the configured.")


@click.command("monolith-extract", cls=Command)
@click.argument("config", cls=_Config, type=click.Path(path_type=Path))
@sequence_option
@day_options
@source_option
@click.option("--force", is_flag=True, help="Ask for every wanted day again, and accept what would be held.")
@click.option("--plan", is_flag=True, help="Show what is due and why, and do nothing.")
@click.option(
    "--purge-only", is_flag=True, help="Only purge, at sources that say how, what every target holds as final."
)
@_setting("--retries", 0, 100, "How often a temporary error is tried again")
@_setting("--batch-size", 1, 1_000_000, "Most records written in one statement")
@_setting("--jobs", 1, 64, "How many windows of a source are extracted at once")
@click.option("--wait", is_flag=True, help="Wait for sources that another run works on, instead of leaving them out.")
@click.option("--report", metavar="FILE", help="Write what happened to FILE as JSON; - is standard output.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is logged; with warning, cron has nothing to mail as long as all is well.",
)
@click.option(
    "--log-output", metavar="FILE", help="Append the log to FILE; - is standard output. Default: standard error."
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or for programs.",
)
@click.option("--progress/--no-progress", default=None, help="A live display; default: on a terminal.")
@click.option("--list-plugins", is_flag=True, is_eager=True, help="List what is installed, and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with --list-plugins or --plan.")
@click.option("--verbose", is_flag=True, help="With --list-plugins: what each is, its options, where it comes from.")
@click.version_option(__version__, prog_name="monolith-extract", message="%(prog)s %(version)s")
@click.pass_context
def main(
    ctx: click.Context,
    config: Path,
    sequence: str | None,
    date: str | None,
    start_date: str | None,
    end_date: str | None,
    sources: tuple[str, ...],
    force: bool,
    plan: bool,
    purge_only: bool,
    retries: int | None,
    batch_size: int | None,
    jobs: int | None,
    wait: bool,
    report: str | None,
    log_level: str,
    log_output: str | None,
    log_format: str,
    progress: bool | None,
    list_plugins: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Do everything that is due, as CONFIG says: ask the sources, write the targets, and keep book.

    Without dates that is what is new, failed, provisional or changed. It is made to be run by cron, every hour:

        monolith-extract /etc/monolith.ini --log-level warning

    The exit status is 0 if all is done, 1 if something failed or was held, 2 if the configuration or the command line
    is wrong, 130 or 143 if it was stopped by Ctrl-C or SIGTERM.

    For completion, put this line into ~/.bashrc, or the same with zsh_source or fish_source for another shell:

        eval "$(_MONOLITH_EXTRACT_COMPLETE=bash_source monolith-extract)"
    """
    if list_plugins:
        from monolith_core.cli.plugins import list_plugins as show_plugins

        show_plugins(verbose=verbose, as_json=as_json)
        return
    check_day_options(date, start_date, end_date)
    _check(
        (as_json and not plan, "--json goes with --list-plugins or --plan"),
        (verbose, "--verbose goes with --list-plugins"),
        (plan and purge_only, "--plan and --purge-only exclude each other"),
        (report == "-" and log_output == "-", "--report and --log-output cannot both go to standard output"),
    )
    overrides = {"retries": retries, "batch-size": batch_size, "jobs": jobs}
    given = {name: str(value) for name, value in overrides.items() if value is not None}
    with no_collection():
        from monolith_core.cli.request import load, make_request

        loaded = load(config, sequence, given)
    request = make_request(loaded, date, start_date, end_date, sources, force=force, purge_only=purge_only, wait=wait)
    if plan:
        from monolith_core.cli.plan import show_plan

        show_plan(loaded, request, as_json=as_json)
        return
    from monolith_core.cli.work import Output, work

    output = Output(report, log_level, log_output, "json" if log_format == "json" else "text", progress)
    ctx.exit(work(loaded, request, output))


def _check(*faults: tuple[bool, str]) -> None:
    for wrong, text in faults:
        if wrong:
            raise click.UsageError(text)
