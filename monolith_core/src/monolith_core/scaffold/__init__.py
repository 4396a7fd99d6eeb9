"""Scaffold: what is written to begin with, from templates: `monolith new-plugin` and `monolith init`."""

from __future__ import annotations

from monolith_core.scaffold.configuration import write_demo, write_starter
from monolith_core.scaffold.plugin import KINDS, LICENSES, NewPlugin
from monolith_core.scaffold.taken import refuse_taken

__all__ = ["KINDS", "LICENSES", "NewPlugin", "refuse_taken", "write_demo", "write_starter"]
