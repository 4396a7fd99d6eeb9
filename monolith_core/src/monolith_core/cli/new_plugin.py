"""`monolith new-plugin`: begin a plugin of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from monolith_core.cli.command import Command

_LICENSES = ("MIT", "BSD-3-Clause", "MPL-2.0")
_KINDS = ("source", "target", "transform", "executor", "hooks")


@click.command("new-plugin", cls=Command)
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="What the plugin is.")
@click.option(
    "--license", "license_name", type=click.Choice(_LICENSES), default="MIT", show_default=True, help="Its license."
)
@click.option("--author", help="Whose it is; default: git's user.name, or else the user of the system.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    show_default=True,
    help="Where its folder is made.",
)
def new_plugin(name: str, kind: str, license_name: str, author: str | None, directory: Path) -> None:
    """Make the distribution of a plugin: code that works, tests that hold it against the contract, and the rest.

    NAME is the plugin's name in configurations, such as acme-crm. The folder monolith-plugin-NAME has a
    pyproject.toml, a typed package, tests, a configuration that runs, a README, a license and a CI file. A name that
    an installed plugin of that kind has, or its distribution, is refused.
    """
    import datetime as dt

    from monolith_core.cli.paint import say
    from monolith_core.scaffold import NewPlugin, refuse_taken

    plugin = NewPlugin(name, kind, license_name, author or _author(), dt.datetime.now(dt.UTC).year)  # type: ignore[arg-type]
    refuse_taken(plugin)
    for file in plugin.write(directory):
        say(str(file))
    folder = directory / plugin.distribution
    say(f'next: cd {folder} && pip install --editable ".[test]" && pytest')


def _author() -> str:
    """Who is at work, as far as git or the system knows."""
    import getpass
    import subprocess

    try:
        command = ["git", "config", "--get", "user.name"]
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
        return said.strip() or getpass.getuser()
    except (OSError, KeyError, subprocess.TimeoutExpired):
        return "the authors"
