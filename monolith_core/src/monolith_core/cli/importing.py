"""`monolith import`: the archive of the original monolith-aggregator becomes ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monolith_core.cli.command import FAILED, Command
from monolith_core.cli.parameters import complete, config_argument, json_option

if TYPE_CHECKING:
    import datetime as dt

    from monolith_core.config import Config
    from monolith_core.moving import Original, Unequal
    from monolith_core.plugin import Inventory

USE = "aggregator"
"""The source plugin that reads the original's archive."""

_MOST = 20
"""Most records without a day that are listed as text."""


@click.command("import", cls=Command)
@config_argument
@click.option(
    "--from",
    "url",
    metavar="URL",
    required=True,
    help="The database of the original's archive, its option history; ${NAME} stands for an environment variable.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ID",
    shell_complete=complete("target"),
    help="Where to write; may be given several times. Default: the target whose database is the storage.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="ID",
    help="Only this source of the original, by its new name; may be given several times.",
)
@click.option("--default-source", metavar="ID", help="The source of records that say none.")
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="What a source of the original is called in the configuration; may be given several times.",
)
@click.option("--table", metavar="NAME", help="The original's table; default: record.")
@click.option("--category-column", metavar="NAME", help="category or type; default: category where there is one.")
@click.option("--encoding", metavar="NAME", help="How the JSON is encoded where it is kept as bytes; default: utf-8.")
@click.option(
    "--rejects",
    metavar="FILE",
    help="Leave out records that cannot be read, and write them to this file. Without it their days fail.",
)
@click.option("--force", is_flag=True, help="Import also days that are done, over what the archive has of them.")
@click.option("--plan", "only_plan", is_flag=True, help="Only show what the original has.")
@json_option
@click.pass_context
def importing(
    ctx: click.Context,
    config: Path,
    url: str,
    targets: tuple[str, ...],
    sources: tuple[str, ...],
    default_source: str | None,
    renames: tuple[str, ...],
    table: str | None,
    category_column: str | None,
    encoding: str | None,
    rejects: str | None,
    force: bool,
    only_plan: bool,
    as_json: bool,
) -> None:
    """Import the archive of the original, monolith-aggregator.

    Every record is written under the source that it has there, as a run of that source would write it; its days are
    done then, and are not asked for again. An import that was interrupted goes on where it was when it is started
    again. At the end the records of each source and day are counted on both sides.

    The exit status is 1 if the counts differ, or a record could not be imported.
    """
    from monolith_core.cli.request import load
    from monolith_core.moving import Original, inventory

    given = {
        "database": ("from", url),
        **_given("default-source", default_source),
        **_given("table", table),
        **_given("category-column", category_column),
        **_given("encoding", encoding),
        **_given("rejects", rejects),
        **{f"rename.{old}": ("rename", new) for old, new in map(_renamed, renames)},
    }
    loaded = load(config)
    original = Original(USE, given)
    chosen = _targets(loaded, targets)
    found = _only(inventory(loaded, original), sources)
    status = 0 if only_plan else _import(loaded, original, found, chosen, force=force)
    if status > FAILED:
        ctx.exit(status)  # stopped by a signal
    if not only_plan:
        found = _only(inventory(loaded, original), sources)
    unequal = [] if only_plan else _compared(loaded, chosen, found)
    if as_json:
        _show_json(found, unequal)
    elif only_plan:
        _show_plan(found)
    else:
        _show(found, unequal, chosen, failed=status == FAILED)
    ctx.exit(FAILED if unequal or found.undated else status)


def _given(name: str, text: str | None) -> Mapping[str, tuple[str, str]]:
    return {} if text is None else {name: (name, text)}


def _renamed(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f"--rename: got {text!r}, expected OLD=NEW, such as ga-pageviews=google-analytics")
    return old, new


def _targets(config: Config, names: Sequence[str]) -> list[str]:
    """The targets to write to: those named, or the one whose database is the storage."""
    from monolith_core.config.words import did_you_mean, listed
    from monolith_core.urls import database_location

    for name in names:
        if name not in config.targets:
            expected = f"a target of {config.path} ({listed(config.targets)})"
            raise click.UsageError(f"--target: got {name!r}, expected {expected}{did_you_mean(name, config.targets)}")
    where = database_location(config.monolith.database.get_secret_value())
    found = list(names) or [each.id for each in config.targets.values() if each.options.location() == where]
    if not found or (len(found) > 1 and not names):
        many = "no target" if not found else "more than one target"
        raise click.UsageError(f"{many} of {config.path} is in the storage; name one with --target")
    return found


def _only(found: Inventory, sources: Sequence[str]) -> Inventory:
    from monolith_core.config.words import did_you_mean, listed

    known = sorted({partition.source for partition in found.records})
    for name in sources:
        if name not in known:
            expected = f"a source of the original ({listed(known)})"
            raise click.UsageError(f"--source: got {name!r}, expected {expected}{did_you_mean(name, known)}")
    if not sources:
        return found
    return found._replace(
        records={partition: count for partition, count in found.records.items() if partition.source in sources}
    )


def _import(config: Config, original: Original, found: Inventory, targets: Sequence[str], *, force: bool) -> int:
    """Import one source after the other; the exit status."""
    import gc

    from monolith_core.cli.work import Output, work
    from monolith_core.moving import by_source, job

    status = 0
    for source, days in by_source(found.records).items():
        ended = work(*job(config, original, source, days, targets, force=force), Output())
        gc.collect()  # the parts of a run know each other, and are larger than all that comes after them
        status = max(status, ended)
        if ended > FAILED:
            break
    return status


def _compared(config: Config, targets: Iterable[str], found: Inventory) -> list[Unequal]:
    from monolith_core.moving import compare
    from monolith_core.storage import Storage

    storage = Storage.open(config.monolith.database.get_secret_value(), migrate=False)
    try:
        return list(compare(config, storage, targets, found.records))
    finally:
        storage.close()


def _show_plan(found: Inventory) -> None:
    from monolith_core.cli.paint import say, table
    from monolith_core.moving import by_source

    rows = [
        [source, f"{sum(days.values()):,}", f"{len(days):,}", f"{min(days)}", f"{max(days)}"]
        for source, days in by_source(found.records).items()
    ]
    for line in table(["source", "records", "days", "first", "last"], rows, right=["records", "days"]):
        say(line)
    _show_undated(found)


def _show(found: Inventory, unequal: Sequence[Unequal], targets: Iterable[str], *, failed: bool) -> None:
    from monolith_core.cli.paint import say, table
    from monolith_core.logs import amount

    if unequal:
        header = ["target", "source", "days", "original", "archive"]
        for line in table(header, list(_rows(unequal)), right=["original", "archive"]):
            say(line)
        say("")
    _show_undated(found)
    if found.left_out:
        say(f"left out: {amount(found.left_out, 'record')}, which the file of rejects has")
    records = amount(sum(found.records.values()), "record")
    for target in targets:
        count = sum(each.target == target for each in unequal)
        same = f"{amount(count, 'day')} of a source differ" if count else "the same"
        say(f"{target}: the original has {records} on {amount(len(found.records), 'day')} of a source; {same}")
    if failed:
        say("the log above says what failed; start the import again when that is mended")
    elif unequal:
        say("days that a run had done already are left alone; --force imports them over what the archive has")


def _show_undated(found: Inventory) -> None:
    from monolith_core.cli.paint import say
    from monolith_core.logs import plain

    for line in found.undated[:_MOST]:
        say(plain(f"not imported: {line}"))
    if len(found.undated) > _MOST:
        say(f"not imported: {len(found.undated) - _MOST:,} more records without a day; --json lists each")


def _rows(unequal: Iterable[Unequal]) -> Iterator[list[str]]:
    """A row for consecutive days of a source."""
    from monolith_core.logs import ranges

    grouped: dict[tuple[str, str], dict[dt.date, Unequal]] = {}
    for each in unequal:
        grouped.setdefault((each.target, each.partition.source), {})[each.partition.date] = each
    for (target, source), days in grouped.items():
        for start, end in ranges(days):
            here = [each for day, each in days.items() if start <= day <= end]
            original, held = sum(each.original for each in here), sum(each.held for each in here)
            yield [target, source, f"{start}" if start == end else f"{start}..{end}", f"{original:,}", f"{held:,}"]


def _show_json(found: Inventory, unequal: Iterable[Unequal]) -> None:
    from monolith_core.cli.paint import say_json
    from monolith_core.moving import by_source

    sources = [
        {"source": source, "records": sum(days.values()), "days": len(days)}
        for source, days in by_source(found.records).items()
    ]
    differences = [_difference(each) for each in unequal]
    say_json(
        {
            "sources": sources,
            "differences": differences,
            "undated": list(found.undated),
            "left_out": found.left_out,
        }
    )


def _difference(each: Unequal) -> dict[str, Any]:
    return {
        "target": each.target,
        "source": each.partition.source,
        "date": each.partition.date.isoformat(),
        "original": each.original,
        "archive": each.held,
    }
