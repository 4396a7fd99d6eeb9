"""`monolith status`: what is archived, source by day."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monolith_core.cli.command import Command
from monolith_core.cli.parameters import complete, config_argument, json_option, source_option

if TYPE_CHECKING:
    import datetime as dt

    from monolith_core.cli.coverage import Strip
    from monolith_core.config import Config
    from monolith_core.days import DayRange
    from monolith_core.storage import Covered, LedgerRow, Storage

_MOST = 20
"""Most troubles, and most remarks, that are listed as text."""

_ADVICE = {
    "failed": "failed: due again in the next run; if it does not pass by itself, mend the source or the configuration",
    "held": "held: the answer was much smaller and was not written; accept it with --force, or mend the source",
    "deferred": "deferred: not to be had yet, for want of a quota or of a file; it comes with a later run",
    "drift": "drift: the target holds something else than the ledger says; the next run writes it again",
}


@click.command("status", cls=Command)
@config_argument
@click.option("--start-date", metavar="DAY", help="First day, YYYY-MM-DD; default: the first that is known.")
@click.option("--end-date", metavar="DAY", help="Last day; default: today.")
@click.option("--month", metavar="YYYY-MM", help="Only this month.")
@click.option("--year", metavar="YYYY", help="Only this year.")
@source_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ID",
    shell_complete=complete("target"),
    help="Only this target; may be given several times.",
)
@json_option
def status(
    config: Path,
    start_date: str | None,
    end_date: str | None,
    month: str | None,
    year: str | None,
    sources: tuple[str, ...],
    targets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what is archived, source by day.

    What the targets have of each source as a calendar, then what needs a look, then what sources remarked about their
    days. Up to three months have a sign for each day, more have a cell for each month: its worst day, and how much is
    done.
    """
    from monolith_core.cli.coverage import strips, unknown
    from monolith_core.cli.request import check_sources, load, today
    from monolith_core.storage import Storage

    loaded = load(config)
    present = today(loaded)
    days = _days(start_date, end_date, month, year, present)
    check_sources(loaded, sources)
    storage = Storage.open(loaded.monolith.database.get_secret_value(), migrate=False)
    try:
        # All rows: whether a day of a copy is missing is told by the row of the original.
        rows = storage.ledger.coverage()
        _check_targets(loaded, rows, targets)
        begun = _first_runs(loaded, storage)
        found = strips(loaded, rows, present, begun, days=days, sources=frozenset(sources), targets=frozenset(targets))
        troubles = list(_troubles(storage, found))
        remarks = list(_remarks(storage, found))
    finally:
        storage.close()
    if as_json:
        _show_json(found, troubles, remarks)
    else:
        nothing = [] if sources or targets else unknown(loaded, rows)
        _show(found, troubles, remarks, nothing)


def _first_runs(config: Config, storage: Storage) -> dict[tuple[str, str], dt.date]:
    """The day on which each source was first worked on in each phase, as the plan counts it."""
    from monolith_core.days import today

    created = {
        (phase.id, source): storage.leases.created(phase.id, source)
        for phase in config.phases.values()
        for source in phase.sources
    }
    return {key: today(config.monolith.timezone, instant) for key, instant in created.items() if instant}


def _days(start: str | None, end: str | None, month: str | None, year: str | None, today: dt.date) -> DayRange | None:
    """The days that the options name, None for all."""
    from datetime import date

    from monolith_core.days import DayRange, parse_day

    if sum([bool(start or end), bool(month), bool(year)]) > 1:
        raise click.UsageError("--month, --year and --start-date/--end-date exclude each other; give one of them")
    try:
        if month is not None:
            return _month(month)
        if year is not None:
            if not re.fullmatch(r"(?!0000)\d{4}", year, re.ASCII):
                raise ValueError(f"{year!r} is no year; write YYYY, such as 2024")
            return DayRange(date(int(year), 1, 1), date(int(year), 12, 31))
        if start or end:
            return DayRange(parse_day(start) if start else date.min, parse_day(end) if end else today)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return None


def _month(text: str) -> DayRange:
    from calendar import monthrange
    from datetime import date

    from monolith_core.days import DayRange

    if not re.fullmatch(r"(?!0000)\d{4}-(0[1-9]|1[0-2])", text, re.ASCII):
        raise ValueError(f"{text!r} is no month; write YYYY-MM, such as 2024-01")
    year, month = int(text[:4]), int(text[5:])
    return DayRange(date(year, month, 1), date(year, month, monthrange(year, month)[1]))


def _check_targets(config: Config, rows: Iterable[Covered], targets: Iterable[str]) -> None:
    from monolith_core.config.words import did_you_mean, listed

    known = config.targets.keys() | {row.target for row in rows}
    for name in targets:
        if name not in known:
            expected = f"a target of {config.path} ({listed(config.targets)})"
            raise click.UsageError(f"--target: got {name!r}, expected {expected}{did_you_mean(name, known)}")


def _troubles(storage: Storage, strips: Iterable[Strip]) -> Iterator[LedgerRow]:
    """The ledger's rows of the days shown that are neither done nor missing."""
    for strip in strips:
        if any(strip.counts[state] for state in ("failed", "held", "deferred", "drift")):
            for row in storage.ledger.unsettled(strip.target, strip.via, 0):
                if row.source == strip.source and row.state != "done" and row.date in strip.marks:
                    yield row


def _remarks(storage: Storage, strips: Iterable[Strip]) -> Iterator[LedgerRow]:
    """The ledger's rows of the days shown that have a remark."""
    shown = {(strip.target, strip.via, strip.source): strip.marks for strip in strips}
    for row in storage.ledger.remarked():
        if row.date in shown.get((row.target, row.via, row.source), ()):
            yield row


def _show(
    strips: list[Strip], troubles: list[LedgerRow], remarks: list[LedgerRow], nothing: list[tuple[str, str, str]]
) -> None:
    from monolith_core.cli.calendar import calendar
    from monolith_core.cli.paint import painted, say

    for phase, source, target in nothing:
        say(f"{source} into {target}: nothing yet; phase {phase} writes it")
    if strips:
        for line in calendar(strips, shutil.get_terminal_size().columns):
            say(line)
    elif not nothing:
        say("nothing is archived in these days")
    if troubles:
        say("")
        say(painted("needs a look", None, bold=True))
        for line in _listed(troubles):
            say(line)
    if remarks:
        say("")
        say(painted("remarks", None, bold=True))
        for line in _remarked(remarks):
            say(line)


def _remarked(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """Days with the same remark in one line, the newest first."""
    from monolith_core.logs import days_text, plain

    grouped: dict[tuple[str, str, str], list[dt.date]] = {}
    for row in rows:
        grouped.setdefault((row.source, row.target, row.remark), []).append(row.date)
    newest = sorted(grouped.items(), key=lambda item: max(item[1]), reverse=True)
    for (source, target, remark), days in newest[:_MOST]:
        yield plain(f"  {source} {days_text(days)} into {target}: {remark}")
    if len(newest) > _MOST:
        yield f"  and {len(newest) - _MOST} more; --json lists each"


def _listed(troubles: list[LedgerRow]) -> Iterator[str]:
    """Troubles with the same error in one line, and what to do about each kind."""
    from monolith_core.logs import days_text, plain

    grouped: dict[tuple[str, str, str, str], list[dt.date]] = {}
    for row in troubles:
        grouped.setdefault((row.state, row.source, row.target, row.error), []).append(row.date)
    for (state, source, target, error), days in list(grouped.items())[:_MOST]:
        yield plain(f"  {state}  {source} {days_text(days)} into {target}: {error or 'no error was kept'}")
    if len(grouped) > _MOST:
        yield f"  and {len(grouped) - _MOST} more; --json lists each"
    states = {row.state for row in troubles}
    yield from (text for state, text in _ADVICE.items() if state in states)


def _show_json(strips: list[Strip], troubles: list[LedgerRow], remarks: list[LedgerRow]) -> None:
    from monolith_core.cli.paint import say_json

    say_json(
        {
            "sources": [_strip(strip) for strip in strips],
            "troubles": [_trouble(row) for row in troubles],
            "remarks": [_remark(row) for row in remarks],
        }
    )


def _strip(strip: Strip) -> dict[str, Any]:
    final = strip.newest_final
    return {
        "source": strip.source,
        "via": strip.via,
        "target": strip.target,
        "newest_final": final.isoformat() if final else None,
        "records": strip.records,
        "counts": dict(strip.counts),
        "days": {day.isoformat(): mark for day, mark in strip.marks.items()},
    }


def _remark(row: LedgerRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "via": row.via,
        "target": row.target,
        "date": row.date.isoformat(),
        "remark": row.remark,
    }


def _trouble(row: LedgerRow) -> dict[str, Any]:
    return {
        **_remark(row),
        "state": row.state,
        "records": row.digest.count if row.digest else 0,
        "asked": row.asked.isoformat() if row.asked else None,
        "run": row.run,
        "error": row.error,
    }
