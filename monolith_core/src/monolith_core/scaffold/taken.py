"""Whether the name of a plugin to be is another one's already."""

from __future__ import annotations

from monolith_core.config.plugins import WELL_KNOWN
from monolith_core.errors import MonolithError
from monolith_core.registry import installed, version_of
from monolith_core.scaffold.plugin import NewPlugin


def refuse_taken(plugin: NewPlugin) -> None:
    """Raises MonolithError if its name is that of a plugin of its kind, or its distribution's is installed.

    Two plugins of a kind and a name cannot be used beside each other; pip puts one distribution in the other's place.
    """
    owner = next((entry.origin for entry in installed(plugin.kind) if entry.name == plugin.name), None)
    owner = owner or WELL_KNOWN[plugin.kind].get(plugin.name)
    if owner is not None:
        raise MonolithError(
            f"got the name {plugin.name!r}, which the {plugin.kind} of {owner} has; "
            "choose another one, or two plugins would be in each other's way"
        )
    version = version_of(plugin.distribution)
    if version is not None:
        raise MonolithError(
            f"got the name {plugin.name!r}, but {plugin.distribution} {version} is installed; "
            "pip would replace it: choose another name, or uninstall it first"
        )
