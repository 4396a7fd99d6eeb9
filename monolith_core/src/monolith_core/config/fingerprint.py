"""Fingerprint: a short text that changes when an option changes that decides about the data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from monolith_core.options import PluginOptions
from monolith_core.secrets import without_credentials


def fingerprint(
    kind: str,
    use: str,
    options: PluginOptions,
    *,
    storage: str,
    timezone: str,
    transforms: Iterable[tuple[str, PluginOptions]] = (),
) -> str:
    """16 hexadecimal digits over the plugin's name and its options marked with `DATA`, and over the `transforms` of a
    source: their names and all their options, in order.

    The time zone that a source's days are counted in counts too, and so does the place of a target, unless that is the
    storage (at the location `storage`): one that is moved takes its ledger along.

    An option at its default counts for nothing, so that a plugin may get new options without making all days due
    again. Users and passwords of URLs count for nothing either: they change, and the data does not.
    """
    chosen = _chosen(options, options.data_fields())
    place = options.location() if kind == "target" else timezone
    facts: list[Any] = [use, "storage" if place == storage else place, chosen]
    changed = [[name, _chosen(each, type(each).model_fields.items())] for name, each in transforms]
    if changed:
        facts.append(changed)
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _chosen(options: PluginOptions, fields: Iterable[tuple[str, FieldInfo]]) -> dict[str, Any]:
    """The options that are not at their default."""
    return {
        name: _plain(getattr(options, name))
        for name, info in fields
        if getattr(options, name) != info.get_default(call_default_factory=True)
    }


def _plain(value: Any) -> Any:
    """A value as JSON; what JSON has not is its text."""
    if isinstance(value, SecretStr | SecretBytes):
        value = value.get_secret_value()
    if isinstance(value, str):
        return without_credentials(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(each) for each in value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value)
