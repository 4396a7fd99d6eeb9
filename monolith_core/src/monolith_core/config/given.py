"""Given: a plugin that the command line names, with its options, checked as a section of the file is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from monolith_core import registry
from monolith_core.config.expand import Expander, Values
from monolith_core.config.fingerprint import fingerprint
from monolith_core.config.found import Found
from monolith_core.config.model import Config, PluginConfig
from monolith_core.config.reader import Option, Section
from monolith_core.config.validate import Schema, validate
from monolith_core.urls import database_location


def given_source(
    config: Config,
    name: str,
    use: str,
    given: Mapping[str, tuple[str, str]],
    environ: Mapping[str, str] | None = None,
) -> PluginConfig:
    """A source `name` of the plugin `use`, which the file need not have a section of.

    `given` are its options, each with what the command line calls it; `${NAME}` in a value is expanded, and SQLite
    files lie in the current folder. Raises ConfigurationError with every fault, MonolithError if there is no such
    plugin. Its secrets are registered.
    """
    plugin = registry.load("source", use)
    schema = Schema(plugin.Options)  # type: ignore[attr-defined] # the registry has looked
    found = Found("")
    section = Section("monolith import", 0)
    for option, (written, text) in given.items():
        section.options[option] = Option(option, written, text, 0)
    expander = Expander(Path.cwd(), os.environ if environ is None else environ, found)
    values = expander.values(section, schema.knows)
    told = Values({key: replace(value, section="") for key, value in values.good.items()}, values.broken)
    options = validate(schema.model, section, told, found, {"here": Path.cwd(), "id": name})
    found.check()
    assert options is not None  # else there was a fault
    storage = database_location(config.monolith.database.get_secret_value())
    mark = fingerprint("source", use, options, storage=storage, timezone=str(config.monolith.timezone))
    return PluginConfig("source", name, use, options, plugin, str(config.path), 0, mark)
