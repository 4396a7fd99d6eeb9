"""The transform `hash`: pseudonyms for personal data, before anything is stored."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from monolith_core import Record, SecretStr, Transform, TransformOptions, canonical
from monolith_plugins_transforms.paths import MISSING, Paths, get, replaced


class HashOptions(TransformOptions):
    """Options of `hash`."""

    fields: Paths = Field(examples=["user, email"])
    """The fields whose values are hashed; one that a record has not, or that is null, is left as it is."""
    key: SecretStr = Field(min_length=16, examples=["${HASH_KEY}"])
    """A secret text of 16 characters or more: without it a pseudonym can be found by trying names, and with another
    one the pseudonyms are others."""
    length: int = Field(32, ge=16, le=64)
    """How many hexadecimal digits a pseudonym has."""


class Hash(Transform):
    """Puts a keyed hash, HMAC-SHA256 (RFC 2104), in the place of values: the same for the same value and key.

    What is hashed is the canonical JSON of the value, so that the number 1 and the text 1 are told apart.
    """

    Options = HashOptions

    def record(self, record: Record) -> Record:
        """The record with pseudonyms."""
        data: Mapping[str, Any] = record.data
        for path in self.options.fields:
            value = get(data, path)
            if value is not MISSING and value is not None:
                data = replaced(data, path, self._pseudonym(value))
        return Record(record.date, record.category, data, record.source)

    def _pseudonym(self, value: Any) -> str:
        key = self.options.key.get_secret_value().encode()
        digest: str = hmac.new(key, canonical({"v": value}), "sha256").hexdigest()
        return digest[: self.options.length]
