"""From the command line to a configuration and a request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from monolith_core import days
from monolith_core.cli.parameters import chosen_days, names
from monolith_core.config import Config, load_config
from monolith_core.config.words import did_you_mean, listed
from monolith_core.runner import Request
from monolith_core.storage import Storage


def load(path: Path, sequence: str | None = None, overrides: Mapping[str, str] | None = None) -> Config:
    """The configuration, with the phases to run and the options of the command line."""
    return load_config(path, sequence=names(sequence), overrides=overrides)


def today(config: Config) -> dt.date:
    """The present day in the configured time zone."""
    return days.today(config.monolith.timezone, dt.datetime.now(dt.UTC))


def make_request(
    config: Config,
    date: str | None,
    start_date: str | None,
    end_date: str | None,
    sources: Iterable[str],
    *,
    force: bool = False,
    purge_only: bool = False,
    wait: bool = False,
) -> Request:
    """What is asked for; raises UsageError for days and sources that there are not."""
    chosen = frozenset(sources)
    check_sources(config, chosen)
    return Request(
        days=chosen_days(date, start_date, end_date, today(config), str(config.monolith.timezone)),
        sources=chosen or None,
        force=force,
        purge_only=purge_only,
        wait=wait,
    )


def waiting(config: Config, request: Request) -> Iterator[str]:
    """A line for each source of which nothing is wanted yet: else only a wrong `since` would not be told."""
    if request.days is not None:
        return
    present = today(config)
    for name in dict.fromkeys(source for phase in config.sequence for source in config.phases[phase].sources):
        since = config.sources[name].options.since
        if since is not None and since > present and (request.sources is None or name in request.sources):
            yield f"{name}: no day is wanted before {since}, and today is {present}; is its since right?"


def check_sources(config: Config, chosen: Iterable[str]) -> None:
    """Raises UsageError for a source that is neither configured nor known to the ledger from earlier days."""
    unknown = sorted(set(chosen) - config.sources.keys())
    if not unknown:
        return
    storage = Storage.open(config.monolith.database.get_secret_value(), migrate=False)
    try:
        for name in unknown:
            if not storage.ledger.rows(sources=[name]):
                raise click.UsageError(
                    f"--source: got {name!r}, expected a source of {config.path} ({listed(config.sources)})"
                    f"{did_you_mean(name, config.sources)}"
                )
    finally:
        storage.close()
