"""What the `files` target can be told."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from monolith_core import DATA, TargetOptions
from monolith_plugins_files.columns import Names
from monolith_plugins_files.compression import by_name
from monolith_plugins_files.place import STANDARD_OUTPUT, Place, PlaceOptions
from monolith_plugins_files.values import parse_types

_ENDINGS = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv", "parquet": "parquet", "pq": "parquet"}
_TYPES = ("text", "integer", "float", "boolean", "json")


class FilesTargetOptions(PlaceOptions, TargetOptions):
    """Options of the `files` target."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "{source}/%Y-%m-%d.jsonl"}]})

    format: Literal["jsonl", "csv", "parquet"] | None = None
    """What the files are; default: what the path's ending says, and JSON lines on standard output."""
    date_column: Annotated[str, DATA] = Field("date", min_length=1)
    """For CSV and Parquet: the column that has the day."""
    category_column: Annotated[str, DATA] = Field("category", min_length=1)
    """For CSV and Parquet: the column that has the category."""
    id_column: Annotated[str, DATA] = Field("monolith_id", min_length=1)
    """For CSV and Parquet: the column that has the record's id, by which `monolith reconcile` compares."""
    types: Annotated[list[str], DATA] = Field(default_factory=list, examples=["count: integer, code: text"])
    """For Parquet: the types of columns, of text, integer, float, boolean, json; `*` is every other column. Default: a
    column of numbers is float, one of true and false is boolean, any other one is text, with objects as JSON."""

    @field_validator("path")
    @classmethod
    def _is_a_file_a_day(cls, value: Place) -> Place:
        template = value.template
        if value.protocol == STANDARD_OUTPUT:
            return value
        if template.has_glob:
            raise ValueError(f"{value} has wildcards, or fields of a time; expected one file for each day and source")
        if not template.names_source or not template.tells_day:
            raise ValueError(
                f"{value} is not a file for each day and source; write {{source}} and a day into it, such as "
                "{source}/%Y-%m-%d.jsonl"
            )
        return value

    @field_validator("types")
    @classmethod
    def _are_types(cls, value: list[str]) -> list[str]:
        for name, kind in parse_types(value).items():
            if kind not in _TYPES:
                raise ValueError(f"{name} cannot be {kind}; expected {', '.join(_TYPES)}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.is_output:
            if self.kind != "jsonl":
                raise ValueError("standard output gets JSON lines; remove format, or write path = FILE")
            return self
        if self.format is None and self._ending not in _ENDINGS:
            raise ValueError("path ends with no known format; add format = jsonl, csv or parquet")
        if self.kind == "parquet" and by_name(self.path.template.text)[1] != "none":
            raise ValueError("path ends with a compression, and Parquet has its own; remove the ending")
        if self.types and self.kind != "parquet":
            raise ValueError(f"types are about Parquet, and the format is {self.kind}; remove them")
        if len({self.date_column, self.category_column, self.id_column}) < 3:
            raise ValueError("date-column, category-column and id-column are to be three names; change one of them")
        return self

    @property
    def is_output(self) -> bool:
        """Whether records go to standard output."""
        return self.path.protocol == STANDARD_OUTPUT

    @property
    def kind(self) -> str:
        """The format of the files."""
        return self.format or _ENDINGS.get(self._ending, "jsonl")

    @property
    def names(self) -> Names:
        """How the columns are called that are not fields."""
        return Names(self.date_column, self.category_column, self.id_column)

    @cached_property
    def column_types(self) -> dict[str, str]:
        """The types that are given, by column."""
        return parse_types(self.types)

    @property
    def _ending(self) -> str:
        return by_name(self.path.template.text)[0].rpartition(".")[2].lower()

    def location(self) -> str:
        """The path, without credentials."""
        return f"files:{self.path.plain}"
