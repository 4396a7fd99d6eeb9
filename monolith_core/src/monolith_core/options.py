"""Options: the typed models that sections of the configuration are checked against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from monolith_core.days import parse_day
from monolith_core.durations import format_duration, parse_duration

_TEN_YEARS = 3660 * 86400.0


def _day(value: Any) -> Any:
    """The day that is written `YYYY-MM-DD`; pydantic alone would take `5` for an instant of 1970."""
    return parse_day(value.strip()) if isinstance(value, str) else value


def _beside(value: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("here", Path())) / value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=_TEN_YEARS)]
"""Seconds, written as a duration; ten years at most."""

Day = Annotated[dt.date, BeforeValidator(_day)]
"""A day, written `YYYY-MM-DD`."""

BesidePath = Annotated[Path, AfterValidator(_beside)]
"""The path of a file; a relative one begins in the folder of the configuration, wherever a command is run."""


def _has_certificates(path: Path) -> Path:
    import ssl  # not at every start

    if not path.is_file():
        raise ValueError(f"{path} is not there; expected a file with certificates")
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path} has no certificates; expected some in PEM, -----BEGIN CERTIFICATE-----") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}; expected a file with certificates") from None
    return path


Certificates = Annotated[BesidePath, AfterValidator(_has_certificates)]
"""The path of a file with certificates in PEM that are to be trusted, such as those of a private authority."""

Span = Annotated[int, Field(ge=1, le=3660)]
Retries = Annotated[int, Field(ge=0, le=100)]
Timeout = Annotated[Duration, Field(gt=0)]
Part = Annotated[float, Field(ge=0, le=1)]
Jobs = Annotated[int, Field(ge=1, le=64)]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


class _Marker:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


DATA = _Marker("DATA")
"""Marks an option that changes what a source yields or what a target keeps: a new value makes all days due again.

Use it as `query: Annotated[str | None, DATA] = None`.
"""


def _hyphenated(name: str) -> str:
    return name.replace("_", "-")


class PluginOptions(BaseModel):
    """The options of a plugin's section: one field an option, `max_shrink` is written `max-shrink`.

    A field's type, default and description (its `Field(description=...)`, or the docstring below it) are what `monolith
    plugins` and the documentation show; its `examples` are what `monolith plugins show` writes where there is no
    default. Text whose value must never be shown is a `SecretStr`. A field that also exists in `[monolith]` takes its
    value there by default.

    An object is made when a configuration is read, in the main thread, before anything runs, and never changed.
    Validators raise ValueError and open nothing: the engine tells every fault at once, with file and line, and the exit
    status is 2.

    A pydantic validator finds in its `info.context` the folder of the configuration (`here`), where a relative path is
    to begin, and the section's id (`id`); in a test that validates without a configuration there is no context.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=_hyphenated,
        validate_by_name=False,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    moved: ClassVar[Mapping[str, str]] = {}
    """What to do instead of options that a reader may expect and the plugin has not, such as those of an older one."""

    deprecated: ClassVar[Mapping[str, str]] = {}
    """What to do instead of options that will go, such as `write page-size = N; it goes in 2.0`: each run that is given
    one warns."""

    def location(self) -> str | None:
        """Where the data is, without credentials, so that plugins that share their data are known; None: nowhere.

        Called often, from any thread; equal texts mean the same place. It opens nothing.
        """
        return None

    @classmethod
    def data_fields(cls) -> Iterator[tuple[str, FieldInfo]]:
        """The fields marked with `DATA`."""
        for name, info in cls.model_fields.items():
            if DATA in info.metadata:
                yield name, info


def check_days(since: dt.date | None, until: dt.date | None) -> None:
    """Raises ValueError if the first day wanted is after the last."""
    if since is not None and until is not None and since > until:
        raise ValueError(f"since {since} is after until {until}; exchange them, or remove one")


class SourceOptions(PluginOptions):
    """What every source may be told."""

    since: Day | None = None
    """First day wanted; default: the day before the first run; for a source with partitions of its own, all of them."""
    until: Day | None = None
    """Last day wanted; default: today."""
    settle: Duration = 86400.0
    """How long after a day's end its records may still change; until then the day is asked again in every run."""
    span: Span = 31
    """Most days asked in one call."""
    retries: Retries = 3
    """How often a temporary error is tried again."""
    timeout: Timeout = 600.0
    """Longest time without any progress before a call is given up."""
    max_shrink: Part = 0.5
    """A day that comes back smaller by more than this part is held; 1 accepts any size."""
    jobs: Jobs = 1
    """How many windows are extracted at once."""
    transforms: tuple[str, ...] = ()
    """Ids of the transforms that change its records, in order."""
    executor: str = "local"
    """Where it is asked: in this process, or by the executor of that id."""

    @model_validator(mode="after")
    def _since_before_until(self) -> Self:
        check_days(self.since, self.until)
        return self


class TargetOptions(PluginOptions):
    """What every target may be told."""

    retries: Retries = 3
    """How often a temporary error is tried again."""
    timeout: Timeout = 600.0
    """Longest time one write may take without any progress."""
    batch_size: BatchSize = 1000
    """Most records written in one statement."""


class TransformOptions(PluginOptions):
    """What every transform may be told: nothing yet."""


class ExecutorOptions(PluginOptions):
    """What every executor may be told."""

    timeout: Timeout = 600.0
    """Longest time that its setup may take."""


__all__ = [
    "DATA",
    "BatchSize",
    "BesidePath",
    "Certificates",
    "Day",
    "Duration",
    "ExecutorOptions",
    "Jobs",
    "Part",
    "PluginOptions",
    "Retries",
    "SecretStr",
    "SourceOptions",
    "Span",
    "TargetOptions",
    "Timeout",
    "TransformOptions",
    "check_days",
    "format_duration",
    "parse_duration",
]
