"""Check: what `monolith check` says of a service, by one request."""

from __future__ import annotations

from collections.abc import Iterator

from monolith_core import Record, Window
from monolith_plugins_rest.asking import Asking
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.service import Service
from monolith_plugins_rest.tally import Tally
from monolith_plugins_rest.together import Batch
from monolith_plugins_rest.versions import version_of

_MOST_FIELDS = 12


async def report(service: Service, asking: Asking, window: Window) -> str:
    """One line about the first answer for a window of a day; raises what is wrong with it."""
    options, pages = service.options, asking.pages(window)
    call = next(pages)
    async with service.session() as session:
        answer = await session.ask(call)
    page, batch = asking.read(answer, window, Tally.of(options))
    try:
        pages.send(page)
        follows = "more pages follow"
    except StopIteration:
        follows = "no more pages"
    facts = [f"{answer.asked}: {_content(batch, window)}"]
    if options.paging != "none":
        facts.append(follows)
    if version_of(call, answer.headers):
        facts.append("tells whether it has changed")
    return "; ".join([*facts, *_warnings(options)])


def _content(batch: Batch, window: Window) -> str:
    records = [each for each in batch if isinstance(each, Record)]
    count = f"{len(records) or 'no'} {'record' if len(records) == 1 else 'records'} of {window.start}"
    fields = list(records[0].data) if records else []
    shown = ", ".join(fields[:_MOST_FIELDS]) + (", ..." if len(fields) > _MOST_FIELDS else "")
    return f"{count} with {shown}" if fields else count


def _warnings(options: RestOptions) -> Iterator[str]:
    if not options.names_a_day:
        yield "warning: neither url nor param nor body names a day: every window reads everything"
    if not options.verify:
        yield "warning: the server's certificate is not verified"
