"""Command: the base of every command, which turns errors into lines and exit statuses.

0 all done, 1 something failed, 2 the configuration or the command line is wrong, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

FAILED = 1
USAGE = 2
INTERRUPTED = 130

log = logging.getLogger("monolith.cli")

# Python ends a process by looking through everything for garbage: a sixth of the hourly run, for what is freed anyway.
atexit.register(gc.freeze)


class Command(click.Command):
    """A command whose errors are told in one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with told(ctx):
            return super().invoke(ctx)


class Group(click.Group):
    """A group whose commands' errors are told in one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        with told(ctx):
            return super().invoke(ctx)


@contextmanager
def told(ctx: click.Context) -> Iterator[None]:
    """Tell an error on standard error, and exit."""
    try:
        yield
        sys.stdout.flush()  # here, a reader that went away is still click's to handle
    except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        lines, status = explain(error)
        for line in lines:
            click.echo(line, err=True)
        log.debug("traceback", exc_info=error)
        ctx.exit(status)


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage meanwhile, nor look through it ever again: what is imported stays.

    Else Python would look through a growing heap some thirty times: a twelfth of the hourly run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def explain(error: BaseException) -> tuple[list[str], int]:
    """The lines that tell an error to a person, and the exit status."""
    from monolith_core.errors import ConfigurationError, MonolithError
    from monolith_core.logs import plain

    causes = list(leaves(error))
    if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
        return ["interrupted"], INTERRUPTED
    faults = [fault for cause in causes if isinstance(cause, ConfigurationError) for fault in cause.faults]
    if faults:
        return [plain(str(fault)) for fault in faults], USAGE
    lines = [plain(str(cause) if isinstance(cause, MonolithError) else bug(cause)) for cause in causes]
    return list(dict.fromkeys(lines)), FAILED


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def bug(error: BaseException) -> str:
    """What is said of an error that nobody foresaw."""
    from monolith_core import __version__

    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"this is a bug in monolith-core {__version__}, please report it: {text}; --log-level debug shows where"
