"""Hooks: the hook plugins of a configuration, and those that add commands; one that cannot be used is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pluggy

from monolith_core.config import Config, PluginConfig
from monolith_core.hookspecs import GROUP, Hooks
from monolith_core.registry import hook_plugins
from monolith_core.runner.opened import make_context

log = logging.getLogger("monolith.hooks")


def load_hooks(config: Config) -> pluggy.PluginManager:
    """A plugin manager with the plugin of each `[hooks:ID]` section; a warning tells of one that cannot be made."""
    manager = _manager()
    for each in config.hooks.values():
        name = f"{each.id} ({each.use} of {each.distribution})"
        _register(manager, name, partial(make_hooks, each, config), log.warning)
    return manager


def load_commands(warn: Callable[[str], None]) -> pluggy.PluginManager:
    """A plugin manager with every installed hook plugin, for the commands that they add; `warn` tells of the others."""
    manager = _manager()
    for entry, plugin in hook_plugins():
        _register(manager, f"{entry.name} of {entry.distribution} {entry.version}", partial(_usable, plugin), warn)
    return manager


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    return manager


def _register(manager: pluggy.PluginManager, name: str, make: Callable[[], Any], warn: Callable[[str], None]) -> None:
    try:
        manager.register(make(), name)
    except Exception as error:  # the plugin's own, pluggy's, and what the registry found
        warn(f"hook plugin {name} is left out: {error}")


def _usable(plugin: Any) -> Any:
    """A plugin that the registry gave; raises what the registry found wrong with it."""
    if isinstance(plugin, Exception):
        raise plugin
    return plugin


def make_hooks(section: PluginConfig, config: Config) -> Any:
    """The object that a section's hooks are on."""
    if not isinstance(section.plugin, type):
        return section.plugin
    if not hasattr(section.plugin, "Options"):
        return section.plugin()
    context = make_context(section, config.monolith.timezone, None, lambda window: None)
    return section.plugin(section.options, context)
