"""The test kit for plugins: suites that say whether a plugin keeps the contract, and what they need to say it.

Install it with `pip install "monolith-core[testing]"`. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monolith_core.testing.asking import Answer, ask
    from monolith_core.testing.bench import Bench, Outcome
    from monolith_core.testing.clock import Clock
    from monolith_core.testing.executor_suite import ExecutorSuite
    from monolith_core.testing.hooks_suite import HooksSuite
    from monolith_core.testing.memory import Memory, memory_source, memory_target
    from monolith_core.testing.records import json_objects
    from monolith_core.testing.service import Asked, Reply, Service
    from monolith_core.testing.source_suite import SourceSuite
    from monolith_core.testing.staging import MemoryStaged, staged
    from monolith_core.testing.target_suite import TargetSuite
    from monolith_core.testing.transform_suite import TransformSuite

_HOME = {
    "asking": ("Answer", "ask"),
    "bench": ("Bench", "Outcome"),
    "clock": ("Clock",),
    "records": ("json_objects",),
    "executor_suite": ("ExecutorSuite",),
    "hooks_suite": ("HooksSuite",),
    "memory": ("Memory", "memory_source", "memory_target"),
    "service": ("Asked", "Reply", "Service"),
    "source_suite": ("SourceSuite",),
    "staging": ("MemoryStaged", "staged"),
    "target_suite": ("TargetSuite",),
    "transform_suite": ("TransformSuite",),
}
_MODULE = {name: f"monolith_core.testing.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "Answer",
    "Asked",
    "Bench",
    "Clock",
    "ExecutorSuite",
    "HooksSuite",
    "Memory",
    "MemoryStaged",
    "Outcome",
    "Reply",
    "Service",
    "SourceSuite",
    "TargetSuite",
    "TransformSuite",
    "ask",
    "json_objects",
    "memory_source",
    "memory_target",
    "staged",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
