"""The transforms `rename`, `drop` and `keep`: which fields a record has, and how they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from monolith_core import Record, RecordError, Transform, TransformOptions
from monolith_plugins_transforms.paths import MISSING, Path, Paths, get, replaced, without


class RenameOptions(TransformOptions):
    """Options of `rename`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name.old": "new"}]})

    names: dict[Path, Path] = Field(default_factory=dict, alias="name", examples=["name.old = new"])
    """`name.OLD = NEW` calls the field OLD NEW; one that a record has not is passed over."""
    category: str | None = Field(None, min_length=1)
    """The category of all records."""

    @model_validator(mode="after")
    def _does_something(self) -> RenameOptions:
        if not self.names and self.category is None:
            raise ValueError("nothing is renamed; add name.OLD = NEW, or category = NEW")
        if len(set(self.names.values())) < len(self.names):
            raise ValueError("two fields get the same name; give each name.OLD a name of its own")
        return self


class Rename(Transform):
    """Gives fields other names, all at once: two may exchange theirs."""

    Options = RenameOptions

    def record(self, record: Record) -> Record:
        """The record with the new names."""
        found = {old: get(record.data, old) for old in self.options.names}
        data: Mapping[str, Any] = record.data
        for old in found:
            data = without(data, old)
        for old, new in self.options.names.items():
            if found[old] is MISSING:
                continue
            if get(data, new) is not MISSING:
                raise RecordError(f"cannot be named {new}: there is such a field already; drop it before", field=old)
            data = replaced(data, new, found[old])
        return Record(record.date, self.options.category or record.category, data, record.source)


class DropOptions(TransformOptions):
    """Options of `drop`."""

    fields: Paths = Field(examples=["email, user.address"])
    """The fields to leave out; one that a record has not is passed over."""


class Drop(Transform):
    """Leaves fields out."""

    Options = DropOptions

    def record(self, record: Record) -> Record:
        """The record without the fields."""
        data: Mapping[str, Any] = record.data
        for path in self.options.fields:
            data = without(data, path)
        return Record(record.date, record.category, data, record.source)


class KeepOptions(TransformOptions):
    """Options of `keep`."""

    fields: Paths = Field(examples=["app, price"])
    """The fields to keep; one that a record has not is passed over."""


class Keep(Transform):
    """Keeps some fields, and leaves all others out: what a source adds one day does not get into the archive."""

    Options = KeepOptions

    def record(self, record: Record) -> Record:
        """The record with no other fields."""
        data: Mapping[str, Any] = {}
        for path in self.options.fields:
            value = get(record.data, path)
            if value is not MISSING:
                data = replaced(data, path, value)
        return Record(record.date, record.category, data, record.source)
