"""`monolith reconcile`: what the targets really hold, compared with the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monolith_core.cli.command import FAILED, Command
from monolith_core.cli.parameters import (
    check_day_options,
    complete,
    config_argument,
    day_options,
    json_option,
    source_option,
)

if TYPE_CHECKING:
    from monolith_core.cli.differences import Repaired
    from monolith_core.config import Config
    from monolith_core.reconcile import Found, Scope
    from monolith_core.storage import Storage


@click.command("reconcile", cls=Command)
@config_argument
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ID",
    shell_complete=complete("target"),
    help="Only this target; may be given several times.",
)
@day_options
@source_option
@click.option("--deep", is_flag=True, help="Also read every record, and see whether it was changed under its id.")
@click.option("--repair", is_flag=True, help="Load what differs again, from where it was loaded.")
@json_option
@click.pass_context
def reconcile(
    ctx: click.Context,
    config: Path,
    targets: tuple[str, ...],
    date: str | None,
    start_date: str | None,
    end_date: str | None,
    sources: tuple[str, ...],
    deep: bool,
    repair: bool,
    as_json: bool,
) -> None:
    """Compare what the targets hold with the ledger.

    Each target is asked how many records of each source and day it really holds, and whether they are those that were
    written. Nothing is written, and no right to write is needed, unless --repair is given: then exactly what differs is
    marked in the ledger as drift and loaded again; what could not be is due in the next run.

    The exit status is 1 if something differs (with --repair: still) or a target cannot be asked, and 2 if the
    configuration is wrong.
    """
    check_day_options(date, start_date, end_date)
    from monolith_core.cli.differences import show, show_json
    from monolith_core.cli.parameters import chosen_days
    from monolith_core.cli.request import check_sources, load, today
    from monolith_core.reconcile import Scope, look
    from monolith_core.storage import Storage

    loaded = load(config)
    names = _chosen(loaded, targets)
    days = chosen_days(date, start_date, end_date, today(loaded), loaded.monolith.timezone.key)
    check_sources(loaded, sources)
    scope = Scope(days, frozenset(sources) or None, deep=deep)
    storage = Storage.open(loaded.monolith.database.get_secret_value(), migrate=repair)
    try:
        found = list(look(loaded, storage, names, scope))
        _check_told(found, targets)
        repaired = _repair(loaded, storage, found, scope) if repair else None
    finally:
        storage.close()
    if as_json:
        show_json(found, repaired)
    else:
        show(found, repaired, deep=deep)
    ctx.exit(_status(found, repaired))


def _chosen(config: Config, targets: Sequence[str]) -> list[str]:
    from monolith_core.config.words import did_you_mean, listed

    for name in targets:
        if name not in config.targets:
            expected = f"a target of {config.path} ({listed(config.targets)})"
            raise click.UsageError(f"--target: got {name!r}, expected {expected}{did_you_mean(name, config.targets)}")
    return [name for name in config.targets if not targets or name in targets]


def _check_told(found: Iterable[Found], targets: Sequence[str]) -> None:
    for each in found:
        if each.silent and each.target in targets:
            raise click.UsageError(f"--target: {each.target} cannot tell what it holds; name another target")


def _repair(config: Config, storage: Storage, found: Iterable[Found], scope: Scope) -> Repaired:
    """Mark what was found, load it again, and look again at just that."""
    from dataclasses import replace

    import trio

    from monolith_core.cli.differences import Repaired
    from monolith_core.cli.hooks import load_hooks
    from monolith_core.days import DayRange
    from monolith_core.logs import Narrator
    from monolith_core.reconcile import loading, look, mark, unrepaired
    from monolith_core.runner import run

    marked, left = mark(config, storage, (difference for each in found for difference in each.differences))
    if not marked:
        return Repaired(left=left)
    hooks = load_hooks(config)
    hooks.register(Narrator(), "monolith-log")
    done = trio.run(run, *loading(config, marked), hooks)
    partitions = frozenset(each.difference.partition for each in marked)
    days = [partition.date for partition in partitions]
    narrow = replace(scope, days=DayRange(min(days), max(days)), partitions=partitions)
    targets = dict.fromkeys(each.difference.target for each in marked)
    again = look(config, storage, targets, narrow)
    return Repaired(marked, [*left, *unrepaired(storage, marked, again)], done.exit_status)


def _status(found: Iterable[Found], repaired: Repaired | None) -> int:
    if repaired is not None and repaired.status > FAILED:
        return repaired.status  # stopped by a signal
    differs = any(each.differences for each in found) if repaired is None else bool(repaired.left)
    return FAILED if differs or any(each.error for each in found) else 0
