"""A hook plugin that is a module, and adds a command: `monolith journal FILE`."""

import json
from collections import Counter
from pathlib import Path

import click

from monolith_core import hookimpl


@hookimpl
def register_commands(group: click.Group) -> None:
    """Add the command."""
    group.add_command(journal)


@click.command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def journal(file: Path) -> None:
    """Count the outcomes in a journal, by source."""
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    counts = Counter((line["source"], line["outcome"]) for line in lines)
    for (source, outcome), count in sorted(counts.items()):
        click.echo(f"{source}  {outcome}  {count}")
