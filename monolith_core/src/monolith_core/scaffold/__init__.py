"""Scaffold: a new plugin's distribution, from templates: `monolith new-plugin`."""

from __future__ import annotations

from monolith_core.scaffold.plugin import KINDS, LICENSES, NewPlugin

__all__ = ["KINDS", "LICENSES", "NewPlugin"]
