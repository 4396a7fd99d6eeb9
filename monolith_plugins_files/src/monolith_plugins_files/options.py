"""What the `files` source and the `files` target can be told."""

from __future__ import annotations

import codecs
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from monolith_core import DATA, SourceOptions
from monolith_plugins_files import days, patterns
from monolith_plugins_files.compression import Compression, by_name
from monolith_plugins_files.place import STANDARD_OUTPUT, Place, PlaceOptions
from monolith_plugins_files.values import EVERY_OTHER, TYPES, Convert, finite, parse_types

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "lines"]
ENDINGS: dict[str, Format] = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
}
_DELIMITERS = {"tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|", r"\t": "\t"}
_TABLES: tuple[Format, ...] = ("csv", "tsv")
_ONLY_FOR: dict[str, tuple[Format, ...]] = {
    "delimiter": _TABLES,
    "quote": _TABLES,
    "header": _TABLES,
    "columns": _TABLES,
    "comment": ("csv", "tsv", "lines"),
    "null": ("csv", "tsv", "lines"),
    "pattern": ("lines",),
    "records": ("json",),
    "encoding": ("csv", "tsv", "json", "jsonl", "lines"),
    "compression": ("csv", "tsv", "json", "jsonl", "lines"),
}
"""The formats that an option is about, if it is not about all of them."""


def format_of(place: Place) -> Format | None:
    """The format that the ending of a path says."""
    name, _ = by_name(place.template.text)
    return ENDINGS.get(name.rpartition(".")[2].lower())


class FilesSourceOptions(PlaceOptions, SourceOptions):
    """Options of the `files` source."""

    format: Annotated[Format | None, DATA] = None
    """What the files are; default: what the path's ending says (`.csv`, `.tsv`, `.json`, `.jsonl`, `.parquet`), and
    `lines` with a `pattern`."""
    compression: Compression | None = None
    """How they are compressed; default: what each file's ending says (`.gz`, `.bz2`, `.xz`, `.zst`)."""
    date_column: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The column that has the day; default: the day is that of the path."""
    date_format: Annotated[str | None, DATA] = Field(None, min_length=1)
    """What is in that column: `iso` (days and instants of ISO 8601), `epoch`, `epoch-ms`, or a format of strptime such
    as `%d/%m/%Y`; default: a plain day, `2024-02-29`. An instant also stays in the data, a day does not."""
    overlap: Annotated[int, DATA] = Field(0, ge=0, le=31)
    """How many days the rows of a file may be dated before or after the path's own; the files of that many days before
    and after are then read for each day too."""
    category: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The records' category; default: the source's id."""
    category_column: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The column that has the category, in place of `category`."""
    types: Annotated[list[str], DATA] = Field(default_factory=list, examples=["price: float, app: text"])
    """The types of columns: `price: float, app: text`, of text, integer, float, decimal, boolean, json, inferred; `*`
    is every other column. Default: what a text looks like, see the rules; a value of JSON or Parquet is what it is."""
    null: Annotated[list[str], DATA] = Field(default_factory=list, examples=["NA, -"])
    """Texts that mean that there is no value, besides the empty one."""
    columns: Annotated[list[str], DATA] = Field(default_factory=list)
    """The names that the header must have, in any order; or, with `header = false`, the names of the columns."""
    header: Annotated[bool, DATA] = True
    """Whether the first line of a file has the names of the columns."""
    delimiter: Annotated[str | None, DATA] = None
    """What stands between two fields: a character, or tab, space, comma, semicolon, pipe; default: `,`, or a tab."""
    quote: Annotated[str, DATA] = '"'
    """The character around a field that has a delimiter or a line's end in it, which is doubled to mean itself; or
    `none`."""
    comment: Annotated[str | None, DATA] = Field(None, min_length=1)
    """Lines that begin with this text are left out."""
    pattern: Annotated[str | None, DATA] = Field(None, min_length=1)
    """For lines: a regular expression with named groups, `(?P<name>...)`, that a whole line must match; or `common` or
    `combined`, the access logs of web servers."""
    records: Annotated[str | None, DATA] = Field(None, min_length=1)
    """For JSON: where in the document the list of records is, such as `result.items`; default: it is the document."""
    encoding: Annotated[str, DATA] = "utf-8"
    """The encoding of text; a byte-order mark of UTF-8 is passed over."""
    missing: Literal["error", "empty", "wait"] = "error"
    """What a day without a file is: an error, a day without records, or one to wait for: it is asked for in every run
    until its file is there, and is no failure."""
    max_bytes: int = Field(4_294_967_296, ge=1)
    """Most bytes of one file, decompressed."""
    nan: Annotated[Literal["error", "null"], DATA] = "error"
    """What to do with numbers that JSON has not (NaN and the infinities): refuse the record, or write null."""

    @field_validator("path")
    @classmethod
    def _is_no_output(cls, value: Place) -> Place:
        if value.protocol == STANDARD_OUTPUT or value.template.names_source:
            raise ValueError("is no path of a source; - and {source} are for targets")
        return value

    @field_validator("types")
    @classmethod
    def _are_types(cls, value: list[str]) -> list[str]:
        parse_types(value)
        return value

    @field_validator("date_format")
    @classmethod
    def _tells_a_day(cls, value: str | None) -> str | None:
        if value is not None:
            days.check_format(value)
        return value

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str) -> str:
        try:
            known = codecs.lookup(value)
        except LookupError:
            known = None
        if known is None or not known._is_text_encoding:
            raise ValueError(f"{value!r} is no encoding; expected one such as utf-8, latin-1 or utf-16")
        return value

    @field_validator("delimiter", "quote")
    @classmethod
    def _is_character(cls, value: str | None) -> str | None:
        if value is None or value == "none":
            return value
        value = _DELIMITERS.get(value.lower(), value)
        if len(value) != 1 or value in "\r\n":
            raise ValueError(f"{value!r} is no character; expected one, or {', '.join(_DELIMITERS)}, or quote = none")
        return value

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            patterns.compiled(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._check_format()
        for option, formats in _ONLY_FOR.items():
            if option in self.model_fields_set and self.kind not in formats:
                raise ValueError(f"{option} is about {', '.join(formats)}, and the format is {self.kind}; remove it")
        if self.category is not None and self.category_column is not None:
            raise ValueError("category and category-column exclude each other; remove one of them")
        if not self.header and not self.columns:
            raise ValueError("header is false without columns; add columns = NAME, NAME, ...")
        if self.quote == self.field_delimiter:
            raise ValueError("quote and delimiter are the same character; change one of them")
        self._check_day()
        return self

    def _check_format(self) -> None:
        if self.format is None and self.pattern is None and format_of(self.path) is None:
            raise ValueError(f"path ends with no known format; add format = {', '.join(sorted(set(ENDINGS.values())))}")
        if self.kind == "lines" and self.pattern is None:
            raise ValueError("format is lines without a pattern; add pattern = combined, or a regular expression")

    def _check_day(self) -> None:
        if self.date_column is None:
            if not self.path.template.tells_day:
                raise ValueError(
                    "path has no day such as %Y-%m-%d, and there is no date-column; add a day to the path, or "
                    "date-column = NAME"
                )
            if self.date_format is not None or self.overlap:
                raise ValueError("date-format and overlap are about a date-column; add date-column = NAME")
        elif self.kind == "lines" and self.date_column not in patterns.compiled(self.pattern or "").groupindex:
            raise ValueError(f"date-column {self.date_column} is no group of the pattern")
        if self.overlap and not self.path.template.fields:
            raise ValueError("overlap is about files of certain days, and the path has none; remove it")

    @property
    def kind(self) -> Format:
        """The format of the files."""
        return self.format or (format_of(self.path) if self.pattern is None else None) or "lines"

    @property
    def field_delimiter(self) -> str:
        """What stands between two fields."""
        return self.delimiter or ("\t" if self.kind == "tsv" else ",")

    @cached_property
    def column_types(self) -> dict[str, str]:
        """The types that are given, by column."""
        return parse_types(self.types)

    def type_of(self, column: str) -> str | None:
        """The type that a column is given."""
        given, ready = self.column_types, self._ready.types if self._ready else {}
        return next((each[name] for name in (column, EVERY_OTHER) for each in (given, ready) if name in each), None)

    def convert(self, column: str) -> Convert:
        """What makes a value of a column's text."""
        kind = self.type_of(column) or "inferred"
        return finite if kind == "float" and self.nan == "error" else TYPES[kind]

    @property
    def time_format(self) -> str | None:
        """The format of the date column."""
        known = self._ready.time if self._ready and self.date_column == "time" else None
        return self.date_format or known

    @property
    def _ready(self) -> patterns.Ready | None:
        return patterns.READY.get(self.pattern or "")
