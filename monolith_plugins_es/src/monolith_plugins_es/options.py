"""What the `elasticsearch` target can be told."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from monolith_core import DATA, BesidePath, Certificates, SecretStr, TargetOptions

PORTS = {"http": 80, "https": 443}
"""The port of a URL that names none, as everywhere; Elasticsearch's own, 9200, is to be written."""

_INDEX = re.compile(r"(?!\.\.?$)[^-_+A-Z\\/*?\"<>| ,#:][^A-Z\\/*?\"<>| ,#:]*")
_DATE_FIELD = re.compile(r"[A-Za-z@][A-Za-z0-9_@-]*")
_FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}")
_LONGEST_INDEX = 255 - len("-0000-00")


class ElasticsearchOptions(TargetOptions):
    """Options of the `elasticsearch` target."""

    url: list[str] = Field(min_length=1, examples=["https://es.example:9200"])
    """The cluster: the URLs of one or more of its nodes, a path before Elasticsearch's own included; the first one
    names the cluster, the others are tried when it does not answer."""
    index: str = "monolith"
    """The alias that everything is found under; the indices are named after it: `monolith-2024-01`."""
    date_field: Annotated[str, DATA] = "date"
    """The field of a document that has the day."""
    shards: int = Field(1, ge=1, le=1024)
    """Shards of each new monthly index."""
    replicas: int = Field(1, ge=0, le=64)
    """Replicas of each new monthly index."""
    lower: Literal["nothing", "refresh", "replicas"] = "refresh"
    """What a new index of a month that is over does without until it is filled: `refresh` (searches see nothing of it),
    `replicas` (nor has it replicas: a node that is lost meanwhile takes days with it that were done), or `nothing`."""
    mappings: BesidePath | None = None
    """A JSON file with a mapping that is merged over monolith's own, for new monthly indices."""
    ilm_policy: str | None = Field(None, min_length=1)
    """A lifecycle policy for new monthly indices."""
    user: str | None = Field(None, min_length=1)
    """Whom to be known as; with a password."""
    password: SecretStr | None = None
    """The user's password."""
    api_key: SecretStr | None = None
    """An API key, as Elasticsearch encodes it, in place of user and password."""
    ca: Certificates | None = None
    """A file with the certificates of the authorities to trust; default: those that the system trusts."""
    fingerprint: str | None = None
    """The SHA-256 fingerprint of the server's certificate or of its authority, in place of `ca`."""
    verify: bool = True
    """Whether the server's certificate is verified."""
    batch_size: int = Field(10_000, ge=1, le=1_000_000)
    """Most documents in one request."""
    bulk_bytes: int = Field(4 * 2**20, ge=1024, le=2**30)
    """Most bytes in one request; a single document may be larger."""
    jobs: int = Field(2, ge=1, le=64)
    """How many requests are under way at once; days that are ready meanwhile share the next ones. With 1, one day is
    written after the other."""
    refresh: Literal["end", "partition", "never"] = "end"
    """When what was written is made visible to searches: at the end of a phase, after each partition, or whenever
    Elasticsearch does it by itself."""

    @field_validator("url")
    @classmethod
    def _are_urls(cls, values: list[str]) -> list[str]:
        urls = [_plain_url(value) for text in values for value in text.split()]
        if not urls:
            raise ValueError("got nothing; write url = http://localhost:9200")
        if len({urlsplit(url).scheme for url in urls}) > 1:
            raise ValueError("http and https are mixed; give every node of a cluster the same of the two")
        return list(dict.fromkeys(urls))

    @field_validator("index")
    @classmethod
    def _is_index(cls, value: str) -> str:
        if not _INDEX.fullmatch(value) or len(value.encode()) > _LONGEST_INDEX:
            raise ValueError(
                f"{value!r} cannot name an index; expected lower-case letters, digits, - and _, beginning with a letter"
            )
        return value

    @field_validator("date_field")
    @classmethod
    def _is_field(cls, value: str) -> str:
        if not _DATE_FIELD.fullmatch(value) or value == "monolith":
            raise ValueError(f"{value!r} cannot be the date's field; expected a name such as date or @timestamp")
        return value

    @field_validator("fingerprint")
    @classmethod
    def _is_fingerprint(cls, value: str | None) -> str | None:
        if value is not None and not _FINGERPRINT.fullmatch(value):
            raise ValueError(f"{value!r} is no SHA-256 fingerprint; expected 64 hexadecimal digits")
        return value

    @field_validator("mappings")
    @classmethod
    def _is_mapping(cls, value: Path | None) -> Path | None:
        if value is not None:
            _read_mappings(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.api_key is not None and (self.user or self.password):
            raise ValueError("api-key and user exclude each other; remove one of them")
        if (self.user is None) is not (self.password is None):
            given, lacks = ("user", "password") if self.user else ("password", "user")
            raise ValueError(f"{given} is given without {lacks}; add {lacks} = ...")
        if not self.url[0].startswith("https:") and (self.ca or self.fingerprint or not self.verify):
            raise ValueError("ca, fingerprint and verify are about TLS; write url = https://..., or remove them")
        if self.fingerprint and (self.ca or not self.verify):
            raise ValueError("fingerprint excludes ca and verify = false; remove one of them")
        clash = {self.date_field, "monolith"} & {*self.own_mappings.get("properties", {})}
        if clash:
            raise ValueError(f"mappings maps {min(clash)}, which monolith does itself; remove it from {self.mappings}")
        return self

    @cached_property
    def own_mappings(self) -> dict[str, Any]:
        """What the file `mappings` has."""
        return _read_mappings(self.mappings) if self.mappings is not None else {}

    def location(self) -> str:
        """The cluster's first node and the index, without credentials."""
        return f"elasticsearch:{self.url[0]}/{self.index}"


def _plain_url(value: str) -> str:
    """The URL of a node with its port and without a slash at the end."""
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in PORTS or not parts.hostname or port == -1:
        raise ValueError(f"{value!r} is no URL of a node; expected something like https://es.example:9200")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the URL of {parts.hostname} has a user in it; write user = ... and password = ...")
    if parts.query or parts.fragment:
        raise ValueError(f"{value!r} has more than a path; remove what stands after ? or #")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or PORTS[parts.scheme]}{parts.path.rstrip('/')}"


def _read_mappings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("properties", {}), dict):
        raise ValueError(f'{path} has no mapping; expected {{"properties": {{...}}}}')
    if not isinstance(found.get("dynamic_templates", []), list):
        raise ValueError(f"{path}: dynamic_templates is to be a list")
    return found
