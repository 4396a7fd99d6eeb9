"""Painting: colours, tables and JSON on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import click

from monolith_core.errors import MonolithError
from monolith_core.logs import escaped, plain
from monolith_core.secrets import hide


def painted(text: str, colour: str | None, *, bold: bool = False) -> str:
    """`text` in a colour, unless NO_COLOR says otherwise; click takes it off again where there is no terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return click.style(text, fg=colour, bold=bold or None)


def can_show(text: str) -> bool:
    """Whether standard output can have these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> Iterator[str]:
    """The lines of a table; the columns named in `right` are aligned there. Nothing is cut off."""
    clean = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(header, *clean, strict=True)]
    for number, row in enumerate([list(header), *clean]):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        yield painted(line, None, bold=True) if number == 0 else line


def say(text: str) -> None:
    """Print a line, without secrets."""
    put(hide(text))


def say_json(value: Any) -> None:
    """Print JSON, without secrets."""
    put(json_text(clean(value)))


def json_text(value: Any) -> str:
    """`value` as JSON that standard output can have."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if can_show(text) else json.dumps(value, indent=2)


def put(text: str) -> None:
    """Print a line as it is; `\\xf1` stands for a character that standard output cannot have.

    Raises MonolithError if it cannot be written, but BrokenPipeError if its reader went away.
    """
    try:
        click.echo(escaped(text))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MonolithError(f"standard output: {error.strerror}; make room, or write elsewhere") from error


def clean(value: Any) -> Any:
    """A JSON value without secrets."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {name: clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    return value
