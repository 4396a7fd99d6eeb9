"""`monolith`: looks at what monolith-extract does."""

from __future__ import annotations

import click

from monolith_core import __version__
from monolith_core.cli.check import check
from monolith_core.cli.command import Group
from monolith_core.cli.importing import importing
from monolith_core.cli.init import init
from monolith_core.cli.keep import keep
from monolith_core.cli.new_plugin import new_plugin
from monolith_core.cli.plan import plan
from monolith_core.cli.plugins import plugins
from monolith_core.cli.reconcile import reconcile
from monolith_core.cli.runs import runs
from monolith_core.cli.status import status


class Extensible(Group):
    """A group that hook plugins add commands to.

    They are loaded for a command that is not our own, and by `--commands`; not for `--help`, nor for completion.
    """

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command of ours, else one of a hook plugin."""
        return super().get_command(ctx, name) or self._added(ctx).commands.get(name)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name the hook plugins, without importing them."""
        from monolith_core.registry import installed

        if found := installed("hooks"):
            with formatter.section("Hook plugins, whose commands --commands lists"):
                formatter.write_dl([(entry.name, entry.origin) for entry in found])

    def format_added(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands that hook plugins add."""
        if commands := self._added(ctx).commands:
            with formatter.section("Commands of hook plugins"):
                formatter.write_dl([(name, each.get_short_help_str()) for name, each in sorted(commands.items())])

    def _added(self, ctx: click.Context) -> click.Group:
        """The commands of hook plugins; one that fails is told and left out."""
        added: click.Group | None = ctx.meta.get(__name__)
        if added is None:
            added = ctx.meta[__name__] = _added_commands()
        return added


def _added_commands() -> click.Group:
    from monolith_core.cli.hooks import load_commands
    from monolith_core.logs import plain

    def warn(text: str) -> None:
        click.echo(plain(f"warning: {text}"), err=True)

    added = click.Group()
    for hook in load_commands(warn).hook.register_commands.get_hookimpls():
        group = click.Group()
        try:
            hook.function(group)
        except Exception as error:  # whatever is wrong with it, the other commands must work
            warn(f"hook plugin {hook.plugin_name} cannot add its commands: {type(error).__name__}: {error}")
            continue
        for name, command in group.commands.items():
            if name in main.commands:
                warn(f"hook plugin {hook.plugin_name} adds a command {name}, which is monolith's own; it is left out")
            else:
                added.add_command(command, name)
    return added


def _show_commands(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print every command, ours first, and exit."""
    if not wanted or ctx.resilient_parsing:
        return
    formatter = ctx.make_formatter()
    main.format_commands(ctx, formatter)
    main.format_added(ctx, formatter)
    click.echo(formatter.getvalue().strip())
    ctx.exit()


@click.group("monolith", cls=Extensible)
@click.version_option(__version__, prog_name="monolith", message="%(prog)s %(version)s")
@click.option(
    "--commands",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_commands,
    help="List the commands, also those of hook plugins, which are imported for that, and exit.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="What plugins and libraries say on standard error while a command runs.",
)
@click.pass_context
def main(ctx: click.Context, log_level: str) -> None:
    """Check a configuration, see what is due, what is archived and what ran, and reconcile.

    monolith-extract does the work.

    For completion, put this line into ~/.bashrc, or the same with zsh_source or fish_source for another shell:

        eval "$(_MONOLITH_COMPLETE=bash_source monolith)"
    """
    if ctx.resilient_parsing:
        return
    from monolith_core.logs import logging_to

    ctx.with_resource(logging_to(level=log_level))


for each in (check, importing, init, keep, new_plugin, plan, plugins, reconcile, runs, status):
    main.add_command(each)
