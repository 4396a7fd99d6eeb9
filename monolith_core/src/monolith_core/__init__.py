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
    from monolith_core.events import (
        DueDay,
        PartitionFinished,
        PhaseFinished,
        Purged,
        Retry,
        Run,
        SourcePlanned,
        SourceSkipped,
        WindowProgress,
        WindowStarted,
    )
    from monolith_core.executor import Executor, WindowTask
    from monolith_core.hookspecs import hookimpl
    from monolith_core.note import Note
    from monolith_core.options import (
        DATA,
        BesidePath,
        Certificates,
        Duration,
        ExecutorOptions,
        PluginOptions,
        SecretStr,
        SourceOptions,
        TargetOptions,
        TransformOptions,
    )
    from monolith_core.partition import Digest, Partition, Window
    from monolith_core.plugin import (
        Checks,
        Connector,
        Context,
        Inventory,
        OffersPartitions,
        Purges,
        Source,
        Staged,
        StagedRecord,
        Target,
        TellsDigests,
        TellsInventory,
        TellsRecords,
        TellsVersions,
        Written,
        Yielded,
    )
    from monolith_core.record import ArchivedRecord, Record, content_id
    from monolith_core.rows import Columns, Rows, Transposed
    from monolith_core.runner.window import run_window
    from monolith_core.transform import Transform
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
    "events": (
        "DueDay",
        "PartitionFinished",
        "PhaseFinished",
        "Purged",
        "Retry",
        "Run",
        "SourcePlanned",
        "SourceSkipped",
        "WindowProgress",
        "WindowStarted",
    ),
    "executor": (
        "Executor",
        "WindowTask",
    ),
    "hookspecs": ("hookimpl",),
    "note": ("Note",),
    "options": (
        "DATA",
        "BesidePath",
        "Certificates",
        "Duration",
        "ExecutorOptions",
        "PluginOptions",
        "SecretStr",
        "SourceOptions",
        "TargetOptions",
        "TransformOptions",
    ),
    "partition": (
        "Digest",
        "Partition",
        "Window",
    ),
    "plugin": (
        "Checks",
        "Connector",
        "Context",
        "Inventory",
        "OffersPartitions",
        "Purges",
        "Source",
        "Staged",
        "StagedRecord",
        "Target",
        "TellsDigests",
        "TellsInventory",
        "TellsRecords",
        "TellsVersions",
        "Written",
        "Yielded",
    ),
    "record": (
        "ArchivedRecord",
        "Record",
        "content_id",
    ),
    "rows": (
        "Columns",
        "Rows",
        "Transposed",
    ),
    "runner.window": ("run_window",),
    "transform": ("Transform",),
    "urls": (
        "database_location",
        "database_url",
    ),
}
_RENAMED: dict[str, tuple[str, str]] = {}
"""Old names that still work, with a warning: the new name of each, and the version that has the old one no more."""

_MODULE = {name: f"monolith_core.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "DATA",
    "ArchivedRecord",
    "BesidePath",
    "Certificates",
    "Checks",
    "Columns",
    "ConfigurationError",
    "Connector",
    "Context",
    "Deferred",
    "Digest",
    "Divide",
    "DueDay",
    "Duration",
    "Executor",
    "ExecutorOptions",
    "Inventory",
    "MonolithError",
    "Note",
    "OffersPartitions",
    "Partition",
    "PartitionFinished",
    "PermanentError",
    "PhaseFinished",
    "PluginOptions",
    "Purged",
    "Purges",
    "Record",
    "RecordError",
    "Retry",
    "Rows",
    "Run",
    "SecretStr",
    "Source",
    "SourceOptions",
    "SourcePlanned",
    "SourceSkipped",
    "Staged",
    "StagedRecord",
    "Target",
    "TargetOptions",
    "TellsDigests",
    "TellsInventory",
    "TellsRecords",
    "TellsVersions",
    "TemporaryError",
    "Transform",
    "TransformOptions",
    "Transposed",
    "Window",
    "WindowProgress",
    "WindowStarted",
    "WindowTask",
    "Written",
    "Yielded",
    "__version__",
    "canonical",
    "content_id",
    "database_location",
    "database_url",
    "hookimpl",
    "run_window",
]


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        return _renamed(name)
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE[name]), name)
    globals()[name] = value
    return value


def _renamed(old: str) -> Any:
    import warnings

    new, gone = _RENAMED[old]
    text = f"monolith_core.{old} is called {new} now, and the old name goes in {gone}; import {new}"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    return globals().get(new) or __getattr__(new)


def __dir__() -> list[str]:
    return sorted(__all__)
