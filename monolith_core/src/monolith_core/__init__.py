"""monolith: archives daily metrics from plugged-in sources into plugged-in targets.

The names below are what plugins may import. They are loaded when they are first used, so that importing this package
costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monolith_core.encoding import canonical
    from monolith_core.errors import (
        ConfigurationError,
        Deferred,
        Divide,
        MonolithError,
        PermanentError,
        RecordError,
        TemporaryError,
    )
    from monolith_core.hookspecs import hookimpl
    from monolith_core.note import Note
    from monolith_core.options import DATA, Duration, PluginOptions, SecretStr, SourceOptions, TargetOptions
    from monolith_core.partition import Digest, Partition, Window
    from monolith_core.plugin import Context, Source, Staged, StagedRecord, Target, TellsVersions, Written
    from monolith_core.record import ArchivedRecord, Record, content_id
    from monolith_core.urls import database_location, database_url

__version__ = "1.0.0"

_HOME = {
    "encoding": ("canonical",),
    "errors": (
        "ConfigurationError",
        "Deferred",
        "Divide",
        "MonolithError",
        "PermanentError",
        "RecordError",
        "TemporaryError",
    ),
    "hookspecs": ("hookimpl",),
    "note": ("Note",),
    "options": ("DATA", "Duration", "PluginOptions", "SecretStr", "SourceOptions", "TargetOptions"),
    "partition": ("Digest", "Partition", "Window"),
    "plugin": ("Context", "Source", "Staged", "StagedRecord", "Target", "TellsVersions", "Written"),
    "record": ("ArchivedRecord", "Record", "content_id"),
    "urls": ("database_location", "database_url"),
}
_MODULE = {name: f"monolith_core.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "DATA",
    "ArchivedRecord",
    "ConfigurationError",
    "Context",
    "Deferred",
    "Digest",
    "Divide",
    "Duration",
    "MonolithError",
    "Note",
    "Partition",
    "PermanentError",
    "PluginOptions",
    "Record",
    "RecordError",
    "SecretStr",
    "Source",
    "SourceOptions",
    "Staged",
    "StagedRecord",
    "Target",
    "TargetOptions",
    "TellsVersions",
    "TemporaryError",
    "Window",
    "Written",
    "__version__",
    "canonical",
    "content_id",
    "database_location",
    "database_url",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
