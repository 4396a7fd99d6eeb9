"""Purging: the request that deletes at the service what every target holds."""

from __future__ import annotations

from monolith_core import Context, PermanentError, Window
from monolith_plugins_rest.compose import is_purged_daily, parts, purge_call
from monolith_plugins_rest.service import Service
from monolith_plugins_rest.template import Days

_GONE = frozenset({404, 410})


async def purge(service: Service, context: Context, window: Window) -> None:
    """Send the purge request for the window, or for each of its days; what is gone already may stay so."""
    options = service.options
    if options.purge_url is None:
        raise PermanentError(f"{context.id} has no purge-url, so it cannot be purged; add one to its section")
    async with service.session() as session:
        for part in parts(window, daily=is_purged_daily(options)):
            call = purge_call(options, Days(part.start, part.end, context.timezone))
            if not await session.tell(call, missing=_GONE if call.method == "DELETE" else frozenset()):
                context.log.info("%s: nothing was there", call)
