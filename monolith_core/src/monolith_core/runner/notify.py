"""Telling hooks what happens: one that raises is reported, and changes nothing else."""

from __future__ import annotations

import logging
from typing import Any

import pluggy

from monolith_core.blame import acting_as

_OURS = "monolith-"
"""How the names of monolith's own hook plugins begin."""

log = logging.getLogger("monolith.hooks")


class Notify:
    """Calls every implementation of a hook."""

    def __init__(self, hooks: pluggy.PluginManager) -> None:
        self._hooks = hooks

    def __call__(self, hook: str, **facts: Any) -> None:
        """Call `hook` with the facts its implementations ask for; last registered first, as pluggy does."""
        for implementation in reversed(getattr(self._hooks.hook, hook).get_hookimpls()):
            arguments = [facts[name] for name in implementation.argnames]
            try:
                with acting_as("" if implementation.plugin_name.startswith(_OURS) else implementation.plugin_name):
                    implementation.function(*arguments)
            except (Exception, SystemExit) as error:
                log.warning(
                    "hook %s of plugin %s raised %s: %s",
                    hook,
                    implementation.plugin_name,
                    type(error).__name__,
                    error,
                    exc_info=log.isEnabledFor(logging.DEBUG),
                )
