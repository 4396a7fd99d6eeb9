"""Small plugins in throwaway distributions, for tests of the configuration and the registry."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from monolith_core import registry
from support.distributions import make_distribution

PLUGINS = '''
    from enum import Enum
    from typing import Annotated, Any, ClassVar, Literal, Self

    import pydantic
    from pydantic import Field, model_validator

    from monolith_core import DATA, Duration, Record, SecretStr, Source, SourceOptions, Target, TargetOptions


    class Colour(Enum):
        RED = "red"
        BLUE = "blue"


    class TableOptions(SourceOptions):
        moved: ClassVar[dict[str, str]] = {"quarry": "write the question into query"}
        url: str = Field(examples=["https://service.example/"])
        """Where the service is."""
        query: Annotated[str | None, DATA] = Field(None, min_length=3)
        columns: Annotated[list[str], DATA] = Field(default_factory=list)
        params: Annotated[dict[str, int], DATA] = Field(default_factory=dict, alias="param")
        password: SecretStr | None = None
        key: Annotated[SecretStr | None, DATA] = None
        token: SecretStr | None = Field(None, min_length=8)
        nan: Literal["error", "null", "drop"] = "error"
        colour: Colour | None = None
        verbose: bool = False
        wait: Annotated[Duration, Field(ge=1)] = 5.0
        ratio: float = Field(0.5, gt=0, lt=1)
        pages: int | None = Field(None, ge=1)
        code: str | None = Field(None, pattern="^[a-z]+$", max_length=4)
        number: int | bool = 1

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if self.query is None and self.columns:
                raise ValueError("columns without a query; add query, or remove columns")
            if self.code == "bad":
                raise ValueError("this cannot be; ask someone")
            if self.code == "boom":
                raise RuntimeError("a validator's own mistake")
            return self

    class Table(Source):
        Options = TableOptions

        def extract(self, window: Any) -> Any:
            yield Record(window.start, "row", {})


    class ShelfOptions(TargetOptions):
        database: SecretStr | None = None
        place: str = "here"

        def location(self) -> str:
            return self.place


    class Shelf(Target):
        Options = ShelfOptions

        def replace(self, partition: Any, staged: Any) -> Any:
            raise AssertionError("no test writes")


    class Old(Table):
        contract = 0


    class New(Table):
        contract = 2


    class Optionless(Table):
        Options = TargetOptions


    class Open(Source):
        class Options(SourceOptions):
            model_config = pydantic.ConfigDict(extra="allow")

            user: str | None = None
            first: int = 1
            colour: Colour = Colour.RED
            weights: dict[str, Annotated[Duration, Field(gt=0)]] = Field(default_factory=dict, alias="weight")

        def extract(self, window: Any) -> Any:
            return []


    nothing = object()
'''
"""A module with a source, a target, and classes that do not fit."""

GROUPS = {
    "monolith.sources": {
        "table": "small_plugins:Table",
        "open": "small_plugins:Open",
        "old": "small_plugins:Old",
        "new": "small_plugins:New",
        "nothing": "small_plugins:nothing",
        "optionless": "small_plugins:Optionless",
        "absent": "small_plugins:Absent",
        "twice": "small_plugins:Table",
    },
    "monolith.targets": {"shelf": "small_plugins:Shelf"},
}


def install(folder: Path) -> Path:
    """The distributions `small`, `other` (a name that is taken) and `broken` (no import works)."""
    make_distribution(folder, "small", "1.2", groups=GROUPS, modules={"small_plugins": PLUGINS})
    make_distribution(folder, "other", "0.9", groups={"monolith.sources": {"twice": "small_plugins:Table"}})
    make_distribution(
        folder,
        "broken",
        "3.0",
        groups={"monolith.sources": {"broken": "broken_plugin:Source"}},
        modules={"broken_plugin": "import a_module_that_is_not_there\n"},
    )
    return folder


def only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be installed but what is in `folder`."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(registry, "distributions", lambda: importlib.metadata.distributions(path=[str(folder)]))
    for name in ("small_plugins", "broken_plugin"):
        monkeypatch.delitem(sys.modules, name, raising=False)
