"""Work: a run with its log, its display and its report."""

from __future__ import annotations

import datetime as dt
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import trio

from monolith_core.cli.command import explain
from monolith_core.cli.files import FileReport
from monolith_core.cli.hooks import load_hooks
from monolith_core.cli.request import waiting
from monolith_core.config import Config
from monolith_core.events import Run
from monolith_core.logs import Format, Narrator, logging_to, to_stderr, to_stdout
from monolith_core.report import ReportBuilder
from monolith_core.runner import Request, run

if TYPE_CHECKING:
    from monolith_core.progress import Progress

log = logging.getLogger("monolith.run")


@dataclass(frozen=True)
class Output:
    """What a run says, and where: the options of the command line."""

    report: str | None = None
    log_level: str = "info"
    log_output: str | None = None
    log_format: Format = "text"
    progress: bool | None = None

    @property
    def shows_progress(self) -> bool:
        """Whether there is a live display: where it was asked for, else on a terminal that is not for JSON lines."""
        if self.progress is not None:
            return self.progress
        dumb = os.environ.get("TERM", "") in ("", "dumb")
        return sys.stderr.isatty() and not dumb and not (self.log_format == "json" and self.log_output is None)


def work(config: Config, request: Request, output: Output) -> int:
    """Run, and say what happened; the exit status."""
    report = FileReport(output.report) if output.report else None
    with ExitStack() as stack:
        display = stack.enter_context(_display(forced=bool(output.progress))) if output.shows_progress else None
        try:
            stack.enter_context(logging_to(_where(output, display), level=output.log_level, form=output.log_format))
        except OSError as error:
            raise click.UsageError(f"--log-output: {output.log_output}: {error.strerror}; name another file") from None
        done, status = _run(config, request, output, display)
        return _write(report, done, status) if report else status


def _display(*, forced: bool) -> Progress:
    from rich.console import Console

    from monolith_core.progress import Progress

    return Progress(Console(stderr=True, force_terminal=True if forced else None))


def _where(output: Output, display: Progress | None) -> Path | Callable[[str], None]:
    if output.log_output == "-":
        return to_stdout
    if output.log_output is not None:
        return Path(output.log_output)
    return display.say if display else to_stderr


def _run(config: Config, request: Request, output: Output, display: Progress | None) -> tuple[ReportBuilder, int]:
    """Run; the report, also of a run that broke off, and the exit status."""
    hooks = load_hooks(config)
    windows = display is None or output.log_output is not None
    hooks.register(Narrator(windows=windows, purging=request.purge_only), "monolith-log")
    if display is not None:
        hooks.register(display, "monolith-progress")
    broken_off = ReportBuilder()
    # What is known of a run that cannot even begin; one that does says so itself, with its id.
    broken_off.run_started(
        Run("", str(config.path), config.sequence, dt.datetime.now(dt.UTC), socket.gethostname(), os.getpid())
    )
    hooks.register(broken_off, "monolith-broken-off")
    for line in (*config.warnings, *waiting(config, request)):
        log.warning("%s", line)
    # What was imported stays until the end, and a plan makes many small objects that are no garbage either.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        done = trio.run(run, config, request, hooks)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        lines, status = explain(error)
        for line in lines:
            log.error("%s", line)
            if output.log_output is not None:
                click.echo(line, err=True)
        log.debug("traceback", exc_info=error)
        broken_off.close(dt.datetime.now(dt.UTC), error="; ".join(lines))
        return broken_off, status
    finally:
        gc.unfreeze()
    return done, done.exit_status


def _write(file: FileReport, done: ReportBuilder, status: int) -> int:
    """Write the report; a run whose report is lost has not ended well."""
    try:
        file.write(done.as_dict())
    except OSError as error:
        log.error("--report: %s: %s", file.path, error.strerror or error)
        return status or 1
    return status
