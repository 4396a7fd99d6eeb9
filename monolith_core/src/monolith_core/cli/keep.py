"""`monolith keep`: accept what a target holds, instead of a smaller answer."""

from __future__ import annotations

from pathlib import Path

import click

from monolith_core.cli.command import Command
from monolith_core.cli.parameters import complete, config_argument, day_options


@click.command("keep", cls=Command)
@config_argument
@click.option(
    "--source",
    "sources",
    metavar="ID",
    multiple=True,
    required=True,
    shell_complete=complete("source"),
    help="Whose days; may be given several times.",
)
@day_options
def keep(
    config: Path, sources: tuple[str, ...], date: str | None, start_date: str | None, end_date: str | None
) -> None:
    """Keep what is held of days whose new answer was smaller.

    The days are done then, with the records the targets have, and are not asked for again; only one that is not final
    yet is, by the next run. Without days: all that are held. The opposite, to accept the smaller answer, is
    monolith-extract --force.
    """
    import datetime as dt

    from monolith_core import keep as keeping
    from monolith_core.cli.paint import say
    from monolith_core.cli.request import load, make_request
    from monolith_core.days import age
    from monolith_core.storage import Storage

    loaded = load(config)
    request = make_request(loaded, date, start_date, end_date, sources)
    storage = Storage.open(loaded.monolith.database.get_secret_value())
    try:
        now = dt.datetime.now(dt.UTC)
        kept = keeping.keep(loaded, storage, sources=sources, wanted=request.days, now=now)
    finally:
        storage.close()
    for row in kept:
        settled = age(row.date, loaded.monolith.timezone, now) >= loaded.sources[row.via].options.settle
        again = "" if settled else "; not final yet, so the next run asks for it again"
        say(f"{row.target}: {row.partition}: kept {row.digest.count if row.digest else 0:,} records{again}")
    if not kept:
        say("nothing of that is held")
