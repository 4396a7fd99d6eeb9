"""Hooks: the installed hook plugins, registered; one that cannot be used is told and left out."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pluggy

from monolith_core.hookspecs import GROUP, Hooks
from monolith_core.registry import hook_plugins

log = logging.getLogger("monolith.hooks")


def load_hooks(warn: Callable[[str], None] = log.warning) -> pluggy.PluginManager:
    """A plugin manager with every installed hook plugin; `warn` is told of those that cannot be used."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    for entry, plugin in hook_plugins():
        try:
            if isinstance(plugin, Exception):
                raise plugin
            manager.register(plugin, f"{entry.name} of {entry.distribution} {entry.version}")
        except Exception as error:  # pluggy's own, and what the registry found
            warn(f"hook plugin {entry.name} of {entry.distribution} is left out: {error}")
    return manager
