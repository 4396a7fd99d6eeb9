"""What the `sql` source and the `sql` target can be told."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from monolith_core import (
    DATA,
    BesidePath,
    Duration,
    PluginOptions,
    SecretStr,
    SourceOptions,
    TargetOptions,
    database_location,
    database_url,
)
from monolith_plugins_sql.parameters import Prepared, prepare
from monolith_plugins_sql.table import LONGEST_SOURCE

DAYS = ("start_date", "end_date", "next_date")
"""The parameters that every query has."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class DatabaseOptions(PluginOptions):
    """Which database."""

    database: SecretStr = Field(examples=["mysql://monolith:${DB_PASSWORD}@localhost/monolith"])
    """The database's URL, such as `mysql://user:${DB_PASSWORD}@host/name`, `postgresql://...` or `sqlite:///file.sqlite`."""

    @field_validator("database")
    @classmethod
    def _is_url(cls, value: SecretStr) -> SecretStr:
        database_url(value.get_secret_value())
        return value

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, with its secrets."""
        return database_url(self.database.get_secret_value())

    def location(self) -> str:
        """Where the database is, without credentials."""
        return database_location(self.database.get_secret_value())


class SqlSourceOptions(DatabaseOptions, SourceOptions):
    """Options of the `sql` source."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "database": "mysql://reader:${READER_PASSWORD}@shop.example/shop",
                    "query": "SELECT date(created) AS date, app, price FROM sales "
                    "WHERE created >= :start_date AND created < :next_date",
                }
            ]
        }
    )

    query: Annotated[str | None, DATA] = Field(None, min_length=1)
    """What to select, with `:start_date`, `:end_date` (the last day) and `:next_date`; without it, the archive."""
    params: Annotated[dict[str, str], DATA] = Field(default_factory=dict, alias="param")
    """Further parameters of the query: `param.NAME = value` is bound as `:NAME`."""
    category: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The records' category; default: the query's column `category`, and without one the source's id."""
    category_column: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The column that has the category."""
    date_column: Annotated[str, DATA] = Field("date", min_length=1)
    """The column that has the day."""
    nan: Annotated[Literal["error", "null"], DATA] = "error"
    """What to do with numbers that JSON has not (NaN and the infinities): refuse the record, or write null."""
    clock_changes: Literal["refuse", "ignore"] = "refuse"
    """What to do with a day of 23 or 25 hours where MariaDB or MySQL does not know the time zone: fail it, if the query
    may compare or show a TIMESTAMP, or ask as on any other day, which is right where it does not."""
    fetch_size: int = Field(500, ge=1, le=1_000_000)
    """How many rows are fetched at once where the driver leaves the choice."""
    purge_query: str | None = Field(None, min_length=1)
    """What to execute, with the query's parameters, to delete days that every target holds as final."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.query is None:
            self._needs_no_query()
        if self.category is not None and self.category_column is not None:
            raise ValueError("category and category-column exclude each other; remove one of them")
        for name in self.params:
            self._check_param(name)
        self._check_names("query", self.query)
        self._check_names("purge-query", self.purge_query)
        return self

    def _needs_no_query(self) -> None:
        given = {"category", "category_column", "date_column", "params", "purge_query"} & self.model_fields_set
        if given:
            names = ", ".join(sorted(name.replace("_", "-") for name in given))
            raise ValueError(f"{names} without a query; add query = SELECT ..., or remove {names} to read the archive")

    def _check_param(self, name: str) -> None:
        if not _NAME.fullmatch(name) or name in DAYS:
            raise ValueError(
                f"param.{name} is no parameter's name; expected letters, digits and _, and none of {', '.join(DAYS)}"
            )
        texts = [text for text in (self.query, self.purge_query) if text]
        if not any(name in self._prepared(text).used for text in texts):
            raise ValueError(f"param.{name} is given but no query has :{name}; add it to the query or remove it")

    def _check_names(self, option: str, text: str | None) -> None:
        misnamed = self._prepared(text).misnamed if text else ()
        if misnamed:
            raise ValueError(
                f"{option} has :{misnamed[0]}, which is no parameter; known are :{', :'.join(sorted(self.names))}; "
                f"add param.{misnamed[0]} = VALUE, or write \\:{misnamed[0]} if it is meant literally"
            )

    def _prepared(self, text: str) -> Prepared:
        return prepare(text, self.names, kind=self.url.partition("://")[0].partition("+")[0])

    def names_a_day(self, text: str) -> bool:
        """Whether a query has one of the parameters that tell it the days."""
        return not set(DAYS).isdisjoint(self._prepared(text).used)

    @property
    def names(self) -> frozenset[str]:
        """Every parameter that may stand in the query."""
        return frozenset((*DAYS, *self.params))


class AggregatorOptions(DatabaseOptions, SourceOptions):
    """Options of the `aggregator` source."""

    table: Annotated[str, DATA] = Field("record", min_length=1)
    """The table of the original's archive."""
    category_column: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The column that has the category; default: `category`, or `type` where there is no such column."""
    default_source: Annotated[str | None, DATA] = Field(None, min_length=1, max_length=LONGEST_SOURCE)
    """The source of records that say none; default: such records are an error."""
    renames: Annotated[dict[str, str], DATA] = Field(default_factory=dict, alias="rename")
    """What a source is called from now on: `rename.OLD = NEW`."""
    encoding: Annotated[str, DATA] = "utf-8"
    """How the original's JSON is encoded where the database keeps bytes."""
    rejects: BesidePath | None = None
    """A file to which records that cannot be read are written, one JSON object a line, to be left out of the archive;
    default: a day with such a record fails."""
    settle: Duration = 0.0
    """How long after a day's end its records may still change; the original's do not."""

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is no encoding; write one such as utf-8 or latin-1") from None

    @field_validator("renames")
    @classmethod
    def _are_ids(cls, value: dict[str, str]) -> dict[str, str]:
        for old, new in value.items():
            if not 0 < len(new) <= LONGEST_SOURCE:
                raise ValueError(f"rename.{old} is {new!r}; expected a source's id of 1 to {LONGEST_SOURCE} characters")
        return value


class SqlTargetOptions(DatabaseOptions, TargetOptions):
    """Options of the `sql` target."""

    batch_bytes: int = Field(4_194_304, ge=1024, le=2**30)
    """Most bytes of records written in one statement."""
