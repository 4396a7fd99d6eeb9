"""`monolith plugins show NAME`: what a plugin is, what it may be told, and a section to begin with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from monolith_core.cli.command import Command

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from monolith_core.options import PluginOptions
    from monolith_core.registry import PluginEntry

_KINDS = ("source", "target", "transform", "executor", "hooks")


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from monolith_core.registry import installed

    names = dict.fromkeys(entry.name for entry in installed())
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("show", cls=Command)
@click.argument("name", shell_complete=_complete)
@click.option("--kind", type=click.Choice(_KINDS), help="Which one, if plugins of several kinds have the name.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON schema of its section, for programs.")
def show(name: str, kind: str | None, as_json: bool) -> None:
    """Show what the plugin NAME is: its options, and a section to copy into a configuration.

    The plugin is imported. Its section has what it needs, with values as they may look, and as comments what else it
    may be told, with the defaults.
    """
    from monolith_core.cli.paint import json_text, put
    from monolith_core.registry import load_entry

    entries = _entries(name, kind)
    if as_json:
        put(json_text(_schema(entries)))
        return
    for number, entry in enumerate(entries):
        if number:
            put("")
        _show(entry, load_entry(entry))


def _show(entry: PluginEntry, plugin: Any) -> None:
    from monolith_core.cli.paint import painted, put, say
    from monolith_core.config.sample import sample_section

    for line in _described(entry, plugin):
        say(line)
    say(f"\n{painted('example', None, bold=True)}\n")
    for line in sample_section(entry.kind, entry.name, _options(plugin)):
        put(line)  # as it is: no configuration was read, and what stands in the place of a secret must stay


def _entries(name: str, kind: str | None) -> list[PluginEntry]:
    """The plugins of a name; raises ConfigurationError if there is none."""
    from monolith_core.errors import ConfigurationError
    from monolith_core.registry import installed

    there = [entry for entry in installed() if kind in (None, entry.kind)]
    found = [entry for entry in there if entry.name == name]
    if not found:
        advice = _advice(name, kind, {entry.name for entry in there})
        raise ConfigurationError(f"no {kind or 'plugin'} is named {name!r}; {advice}")
    return found


def _advice(name: str, kind: str | None, names: set[str]) -> str:
    from difflib import get_close_matches

    from monolith_core.config.plugins import WELL_KNOWN
    from monolith_core.config.words import listed

    for each, distributions in WELL_KNOWN.items():
        if kind in (None, each) and name in distributions and name not in names:
            return f"pip install {distributions[name]}"
    near = get_close_matches(name.lower(), sorted(names))
    return f"did you mean {listed(near)}?" if near else f"there are {listed(sorted(names), last='and')}"


def _described(entry: PluginEntry, plugin: Any) -> Iterator[str]:
    from monolith_core.cli.declared import source_file
    from monolith_core.cli.paint import painted
    from monolith_core.config.sample import ordered

    model = _options(plugin)
    options = ordered(model)
    distribution = entry.entry_point.dist if entry.entry_point else None
    summary = (distribution.metadata.get_all("Summary") or [""])[0] if distribution else ""
    file = source_file(entry.value.partition(":")[0].strip())
    yield painted(f"{entry.kind} {entry.name}", None, bold=True)
    yield from (f"    {line}" for line in _purpose(plugin))
    yield f"    {entry.origin}: {summary or 'no summary'}"
    yield f"    {entry.value}, from {file or 'a file that cannot be found'}"
    if options:
        yield from ("", painted("options", None, bold=True))
    for option, info in options:
        deprecated = model.deprecated.get(option.removesuffix(".NAME"))
        yield f"    {option}: {_facts(info)}" + (f"; deprecated: {deprecated}" if deprecated else "")
        yield f"        {' '.join((info.description or 'not described').split())}"


def _purpose(plugin: Any) -> Iterator[str]:
    """The first line of its docstring; the hooks that it has."""
    from monolith_core.hookspecs import Hooks

    # Its own, or its module's: what the contract says of all is no news of this one.
    text = inspect.cleandoc(plugin.__doc__ or getattr(inspect.getmodule(plugin), "__doc__", None) or "")
    if text:
        yield text.splitlines()[0]
    hooks = [name for name in vars(Hooks) if hasattr(getattr(plugin, name, None), "monolith_impl")]
    if hooks:
        yield f"hooks: {', '.join(hooks)}"


def _facts(info: FieldInfo) -> str:
    """Its type, its default or whether it is needed, and what else one must know."""
    from monolith_core.config.expect import default, expectation, shape
    from monolith_core.options import DATA

    value = default(info)
    facts = [
        expectation(info) or "text",
        "needed" if info.is_required() else f"default {value}" if value else "optional",
    ]
    if shape(info).is_secret:
        facts.append("secret")
    if DATA in info.metadata:
        facts.append("a new value makes every day due again")
    return "; ".join(facts)


def _schema(entries: list[PluginEntry]) -> dict[str, Any]:
    from monolith_core.config.sample import json_schema
    from monolith_core.errors import ConfigurationError
    from monolith_core.registry import load_entry

    entry, *others = entries
    if any(other.kind != entry.kind for other in others):
        choices = " or ".join(f"--kind {each.kind}" for each in entries)
        raise ConfigurationError(f"several plugins are named {entry.name!r}; add {choices}")
    return json_schema(entry.kind, entry.name, _options(load_entry(entry)))


def _options(plugin: Any) -> type[PluginOptions]:
    """The model of its options, with their descriptions; hooks may have none."""
    from monolith_core.describe import described
    from monolith_core.options import PluginOptions

    return described(getattr(plugin, "Options", PluginOptions))
