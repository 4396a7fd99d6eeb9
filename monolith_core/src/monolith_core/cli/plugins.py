"""`monolith plugins` and `monolith-extract --list-plugins`: what is installed, and what one of it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from monolith_core.cli.command import FAILED, Command, Group
from monolith_core.cli.parameters import F, json_option
from monolith_core.cli.show_plugin import show

if TYPE_CHECKING:
    from monolith_core.registry import PluginEntry


def _list_options(command: F) -> F:
    """What the list may be told."""
    for option in (
        json_option,
        click.option("--check", is_flag=True, help="Import each plugin, and exit with status 1 if one cannot be used."),
        click.option("--verbose", is_flag=True, help="Add what each is, its options, and where it comes from."),
    ):
        command = option(command)
    return command


@click.group("plugins", cls=Group, invoke_without_command=True)
@_list_options
@click.pass_context
def plugins(ctx: click.Context, verbose: bool, check: bool, as_json: bool) -> None:
    """List the installed plugins, or show one.

    Sources, targets, transforms, executors and hooks, with distribution and version. None of them is imported, except
    by --check: one that is broken stops nothing but the configurations that name it.
    """
    if ctx.invoked_subcommand is not None and (verbose or check or as_json):
        raise click.UsageError(f"write options behind {ctx.invoked_subcommand}")
    if ctx.invoked_subcommand is None and list_plugins(verbose=verbose, check=check, as_json=as_json):
        ctx.exit(FAILED)


@plugins.command("list", cls=Command)
@_list_options
@click.pass_context
def _list(ctx: click.Context, verbose: bool, check: bool, as_json: bool) -> None:
    """List the installed plugins, as `monolith plugins` does."""
    if list_plugins(verbose=verbose, check=check, as_json=as_json):
        ctx.exit(FAILED)


plugins.add_command(show)


def list_plugins(*, verbose: bool = False, check: bool = False, as_json: bool = False) -> bool:
    """Print the list; whether any plugin is known to be unusable and was checked."""
    from monolith_core.registry import check_entry, installed

    entries = installed()
    errors = [(check_entry(entry) if check else entry.error) or "" for entry in entries]
    listed = [_as_dict(entry, error, verbose=verbose) for entry, error in zip(entries, errors, strict=True)]
    if as_json:
        from monolith_core.cli.paint import say_json

        say_json(listed)
    else:
        from monolith_core.cli.paint import say

        for line in _blocks(listed) if verbose else _table(listed):
            say(line)
    return check and any(errors)


def _as_dict(entry: PluginEntry, error: str, *, verbose: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "value": entry.value,
        "error": error or None,
    }
    return facts | _more(entry) if verbose else facts


def _more(entry: PluginEntry) -> dict[str, Any]:
    from monolith_core.cli.declared import declared_options, source_file

    distribution = entry.entry_point.dist if entry.entry_point else None
    options = declared_options(entry.value) if entry.kind in ("source", "target") else []
    return {
        "summary": (distribution.metadata.get_all("Summary") or [""])[0] if distribution else "",
        "file": str(source_file(entry.value.partition(":")[0].strip()) or ""),
        "options": None if options is None else [asdict(option) for option in options],
    }


def _table(listed: list[dict[str, Any]]) -> Iterator[str]:
    from monolith_core.cli.paint import painted, table

    if not listed:
        yield "no plugin is installed; pip install monolith-plugin-sql"
        return
    names = ("kind", "name", "distribution", "version")
    yield from table(names, [[each[name] for name in names] for each in listed])
    for each in listed:
        if each["error"]:
            yield painted(f"error: {each['error']}", "red")


def _blocks(listed: list[dict[str, Any]]) -> Iterator[str]:
    from monolith_core.cli.paint import painted

    for number, each in enumerate(listed):
        if number:
            yield ""
        yield painted(f"{each['kind']} {each['name']}", None, bold=True)
        yield f"    {each['distribution']} {each['version']}: {each['summary'] or 'no summary'}"
        yield f"    {each['value']}, from {each['file'] or 'a file that cannot be found'}"
        if each["error"]:
            yield painted(f"    error: {each['error']}", "red")
        yield from _options(each["options"])


def _options(options: list[dict[str, Any]] | None) -> Iterator[str]:
    if options is None:
        yield "    its options cannot be read without importing it"
    for option in options or ():
        default = "required" if option["default"] is None else f"default {option['default']}"
        yield f"    {option['name']}: {option['type']}, {default}"
        if option["description"]:
            yield f"        {option['description']}"
