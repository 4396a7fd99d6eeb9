"""Model: what a checked configuration is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from monolith_core.config.place import check_storage
from monolith_core.config.words import did_you_mean
from monolith_core.options import (
    BatchSize,
    Day,
    Duration,
    Jobs,
    Part,
    PluginOptions,
    Retries,
    Span,
    Timeout,
    check_days,
)


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, a folder of the zone files
        near = did_you_mean(value, available_timezones()) or "; write one such as Europe/Madrid"
        raise ValueError(f"{value!r} is no time zone{near}") from None


class MonolithOptions(PluginOptions):
    """The options of the section `[monolith]`.

    Beside those that are its own, it may have any option of a plugin that the configuration names: the value is the
    default of every section whose plugin has that option. So `database` is also the one of `sql` sections that name
    none.
    """

    database: SecretStr = Field(examples=["sqlite:///%(here)s/archive.sqlite"])
    """The URL of the storage: the database of the ledger, and normally of the archive too."""
    sequence: tuple[str, ...] = ()
    """The phases, or sequences, to run, in order; default: all phases as they stand in the file."""
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = Field(ZoneInfo("UTC"), examples=["Europe/Madrid"])
    """The time zone that days are counted in; default: UTC."""
    lease: Duration = Field(120.0, ge=2)
    """How long a source stays reserved for a run that gives no sign of life any more."""
    since: Day | None = Field(None, examples=["2024-01-01"])
    """First day wanted of every source."""
    until: Day | None = Field(None, examples=["2024-12-31"])
    """Last day wanted of every source."""
    settle: Duration | None = Field(None, examples=["1d"])
    """How long after a day's end its records may still change."""
    span: Span | None = Field(None, examples=["31"])
    """Most days asked in one call."""
    retries: Retries | None = Field(None, examples=["3"])
    """How often a temporary error is tried again."""
    timeout: Timeout | None = Field(None, examples=["10m"])
    """Longest time without any progress before a call is given up."""
    max_shrink: Part | None = Field(None, examples=["0.5"])
    """A day that comes back smaller by more than this part is held."""
    jobs: Jobs | None = Field(None, examples=["1"])
    """How many windows of a source are extracted at once."""
    batch_size: BatchSize | None = Field(None, examples=["1000"])
    """Most records written in one statement."""

    @field_validator("database")
    @classmethod
    def _is_storage(cls, value: SecretStr) -> SecretStr:
        check_storage(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _since_before_until(self) -> Self:
        check_days(self.since, self.until)
        return self


NOT_SHARED = frozenset({"sequence", "lease", "transforms"})
"""The options of `[monolith]` that mean nothing elsewhere."""


class PhaseOptions(PluginOptions):
    """The options of a section `[phase:ID]`."""

    sources: tuple[str, ...]
    """Ids of the sources, which run in parallel."""
    targets: tuple[str, ...]
    """Ids of the targets that every source's records go to."""
    on_failure: Literal["continue", "stop"] = "continue"
    """Whether later phases run when a partition of this one failed."""


class SequenceOptions(PluginOptions):
    """The options of a section `[sequence:ID]`."""

    phases: tuple[str, ...]
    """Ids of the phases, in order."""


@dataclass(frozen=True)
class PluginConfig:
    """A section `[source:ID]`, `[target:ID]`, `[transform:ID]`, `[executor:ID]` or `[hooks:ID]`, checked.

    `use` is the plugin's name, `plugin` its class (of hooks also a module or an object), `options` an object of its
    model; `fingerprint` changes when an option changes that decides about the data; `distribution` is where the plugin
    comes from, with its version. A source has its `transforms`, in order, and its `executor`, None for `local`.
    """

    kind: str
    id: str
    use: str
    options: Any = field(repr=False)
    plugin: Any
    file: str
    line: int
    fingerprint: str
    distribution: str = ""
    transforms: tuple[PluginConfig, ...] = ()
    executor: PluginConfig | None = None

    def __str__(self) -> str:
        return f"{self.id} ({self.kind} {self.use!r} of {self.distribution})" if self.distribution else self.id


@dataclass(frozen=True)
class PhaseConfig:
    """A section `[phase:ID]`, checked."""

    id: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    on_failure: Literal["continue", "stop"] = "continue"


@dataclass(frozen=True)
class Config:
    """A whole configuration without faults.

    `sequence` are the ids of the phases to run, in order; `warnings` tell of options that are deprecated.
    """

    path: Path
    monolith: MonolithOptions = field(repr=False)
    sources: dict[str, PluginConfig]
    targets: dict[str, PluginConfig]
    phases: dict[str, PhaseConfig]
    sequences: dict[str, tuple[str, ...]]
    sequence: tuple[str, ...]
    hooks: dict[str, PluginConfig] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
