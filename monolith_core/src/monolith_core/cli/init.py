"""`monolith init`: begin a configuration."""

from __future__ import annotations

from pathlib import Path

import click

from monolith_core.cli.command import Command


@click.command("init", cls=Command)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="monolith.ini")
@click.option("--demo", is_flag=True, help="Write one that runs at once, on invented records.")
def init(file: Path, demo: bool) -> None:
    """Write a configuration to begin with, for a table of your own, with a comment on each line that is to be changed.

    FILE is monolith.ini unless you say otherwise. A file that is there is never overwritten.
    """
    import shlex

    from monolith_core.cli.paint import say
    from monolith_core.scaffold import write_demo, write_starter

    (write_demo if demo else write_starter)(file)
    say(str(file))
    name = shlex.quote(str(file))
    say(
        f"next: monolith-extract {name} && monolith status {name}"
        if demo
        else f"next: edit it, then monolith check {name}"
    )
