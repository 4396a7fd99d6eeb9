"""Place: where the files of a section are: its protocol, its template, and what the file system is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo

from monolith_core import PluginOptions
from monolith_plugins_files.template import Template

_URL = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]*)://(?P<path>.*)", re.IGNORECASE | re.DOTALL)
_LOCAL = ("file", "local")

_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory"}

STANDARD_OUTPUT = "-"
"""The path that means standard output."""


@dataclass(frozen=True)
class Place:
    """A path as it is configured: for a local one `template` is absolute, for another it is the whole URL."""

    protocol: str
    template: Template

    @property
    def is_local(self) -> bool:
        """Whether the files are on this machine."""
        return self.protocol == "file"

    @property
    def is_store(self) -> bool:
        """Whether it is an object store: without folders, and with files that are there in whole or not at all."""
        return self.protocol in _STORES

    def __str__(self) -> str:
        return f"{self.template.base}{self.template.text}"

    @property
    def plain(self) -> str:
        """The path without a user and a password."""
        return re.sub(r"^([a-z][a-z0-9+.-]*://)[^/@]*@", r"\1", str(self), flags=re.IGNORECASE)


def place(path: str, here: Path | None) -> Place:
    """The place that `path` means; a relative one lies in the folder `here`, and means all of that folder's name."""
    if path == STANDARD_OUTPUT:
        return Place(STANDARD_OUTPUT, Template(STANDARD_OUTPUT))
    match = _URL.match(path)
    if match and match["protocol"].lower() not in _LOCAL:
        return Place(match["protocol"].lower(), Template(path))
    text = match["path"] if match else path
    base = f"{str(here or Path.cwd()).rstrip('/')}/"
    if text.startswith(base):  # by way of %(here)s
        text = text.removeprefix(base)
    return Place("file", Template(text) if text.startswith("/") else Template(text.removeprefix("./"), base))


def _placed(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str):
        return value
    found = place(value, (info.context or {}).get("here"))
    found.template.check()
    return found


class PlaceOptions(PluginOptions):
    """Where files are, and how they are reached."""

    path: Annotated[Place, BeforeValidator(_placed)] = Field(examples=["visits/%Y-%m-%d.csv"])
    """The files: a path, or a URL such as `s3://bucket/%Y/visits-%Y-%m-%d.csv`; a relative path begins in the folder of
    the configuration. `%Y`, `%m`, `%d` and other fields of a day are filled in."""
    options: dict[str, SecretStr] = Field(default_factory=dict, alias="option")
    """What the file system of a URL is told: `option.NAME = value`, such as `option.endpoint_url` or `option.anon`. A
    value that is JSON (`true`, `5`, `{...}`, `"5"`) is that, any other one is text."""

    @property
    def storage_options(self) -> Mapping[str, Any]:
        """What the file system is told."""
        return {name: _value(secret.get_secret_value()) for name, secret in self.options.items()}


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
