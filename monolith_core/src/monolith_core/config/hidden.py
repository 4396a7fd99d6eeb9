"""Hidden: the secrets of a checked configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from monolith_core.config.model import Config
from monolith_core.secrets import secret_parts, url_secrets


def secrets(config: Config) -> frozenset[str]:
    """Every secret value of a configuration: secret options, and the passwords in URLs of any option."""
    plugins = [*config.sources.values(), *config.targets.values(), *config.hooks.values()]
    for source in config.sources.values():
        plugins += [*source.transforms, *([source.executor] if source.executor else [])]
    models = [config.monolith, *(each.options for each in plugins)]
    return frozenset[str]().union(*map(secrets_of, models))


def secrets_of(options: BaseModel) -> frozenset[str]:
    """The secret values of one section's options."""
    return frozenset(found for found in _secrets(options, secret=False) if found)


def _secrets(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield from _secrets(value.get_secret_value(), secret=True)
    elif isinstance(value, SecretBytes):
        yield from _secrets(value.get_secret_value().decode("utf-8", "replace"), secret=True)
    elif isinstance(value, str):
        yield from secret_parts(value) if secret else url_secrets(value)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), secret=secret)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each, secret=secret)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _secrets(each, secret=secret)
